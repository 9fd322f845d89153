import type { Platform } from "@gpujob/spec";

/** A method of a platform that does I/O. */
export type PlatformOperation = Exclude<keyof Platform, "classify" | "close">;

/** Stands around every call of a platform: runs `call` with a signal, once, never or several times. */
export type AroundCall = <T>(
  operation: PlatformOperation,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

/** The same platform with something around each of its calls; optional methods stay as they are, there or absent. */
export function decoratePlatform(platform: Platform, around: AroundCall): Platform {
  return {
    listOffers: (query, wait) =>
      around("listOffers", wait.signal, (signal) => platform.listOffers(query, { signal })),
    createLease: (request, wait) =>
      around("createLease", wait.signal, (signal) => platform.createLease(request, { signal })),
    getLease: (leaseId, wait) =>
      around("getLease", wait.signal, (signal) => platform.getLease(leaseId, { signal })),
    listLeases: (filter, wait) =>
      around("listLeases", wait.signal, (signal) => platform.listLeases(filter, { signal })),
    releaseLease: (leaseId, wait) =>
      around("releaseLease", wait.signal, (signal) => platform.releaseLease(leaseId, { signal })),
    classify: (error) => platform.classify(error),
    ...decorateOptional(platform, around),
    ...(platform.close === undefined ? {} : { close: async () => platform.close?.() }),
  };
}

type Optional = Pick<
  Platform,
  | "extendLease"
  | "openChannel"
  | "watchInterruption"
  | "checkCapacity"
  | "getBalance"
  | "readCharges"
>;

function decorateOptional(platform: Platform, around: AroundCall): Optional {
  const all: Required<Optional> = {
    extendLease: (leaseId, until, wait) =>
      around("extendLease", wait.signal, async (signal) =>
        platform.extendLease?.(leaseId, until, { signal }),
      ),
    openChannel: (node, wait) =>
      around("openChannel", wait.signal, async (signal) =>
        there(platform.openChannel?.(node, { signal })),
      ),
    watchInterruption: (leaseId, wait) =>
      around("watchInterruption", wait.signal, async (signal) =>
        platform.watchInterruption?.(leaseId, { signal }),
      ),
    checkCapacity: (offer, wait) =>
      around("checkCapacity", wait.signal, async (signal) =>
        there(platform.checkCapacity?.(offer, { signal })),
      ),
    getBalance: (wait) =>
      around("getBalance", wait.signal, async (signal) => there(platform.getBalance?.({ signal }))),
    readCharges: (leaseId, wait) =>
      around("readCharges", wait.signal, async (signal) =>
        there(platform.readCharges?.(leaseId, { signal })),
      ),
  };
  return {
    ...(platform.extendLease === undefined ? {} : { extendLease: all.extendLease }),
    ...(platform.openChannel === undefined ? {} : { openChannel: all.openChannel }),
    ...(platform.watchInterruption === undefined
      ? {}
      : { watchInterruption: all.watchInterruption }),
    ...(platform.checkCapacity === undefined ? {} : { checkCapacity: all.checkCapacity }),
    ...(platform.getBalance === undefined ? {} : { getBalance: all.getBalance }),
    ...(platform.readCharges === undefined ? {} : { readCharges: all.readCharges }),
  };
}

/** The methods were there when the platform was decorated; one that vanished since is a mistake in the adapter. */
function there<T>(call: Promise<T> | undefined): Promise<T> {
  return call ?? Promise.reject(new TypeError("An optional method of the platform has vanished."));
}
