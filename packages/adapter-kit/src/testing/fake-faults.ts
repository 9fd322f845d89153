import type { FailureScope, PlatformErrorKind } from "@gpujob/spec";

/** A platform method that faults can strike. */
export type FaultTarget =
  | "offers"
  | "create"
  | "get"
  | "list"
  | "release"
  | "extend"
  | "interruption"
  | "capacity"
  | "balance"
  | "charges";

interface Selection<On> {
  readonly on: On;
  /** Only the nth call, or nth lease, counted from 1. Absent: every one. */
  readonly nth?: number;
  /** With `nth`: so many in a row. @default 1 */
  readonly times?: number;
  /** Only this offer's. */
  readonly offerId?: string;
}

/** A call that goes wrong. */
export type CallFault = Selection<FaultTarget> &
  (
    | {
        /** The call fails and has no effect. */
        readonly do: "error";
        readonly kind: PlatformErrorKind;
        readonly scope?: FailureScope;
        readonly retryAfterMs?: number;
      }
    /** The call has its effect, and its answer does not arrive. */
    | { readonly do: "lose-reply" }
    /** The call takes longer. */
    | { readonly do: "delay"; readonly byMs: number }
    /** The call never ends, unless aborted; it has no effect. */
    | { readonly do: "hang" }
    /** A release that says yes and does nothing. */
    | { readonly do: "ignore" }
    /** A release that takes so long to end the machine. */
    | { readonly do: "linger"; readonly byMs: number }
    /** A create that costs more than the offer said. */
    | { readonly do: "reprice"; readonly factor: number }
    /** A create whose machine stays out of lists and reads for so long. */
    | { readonly do: "lag"; readonly byMs: number }
  );

/** A machine that goes wrong. Times count from the moment it is up. */
export type LeaseFault = Selection<"lease"> &
  /** Taken away by the platform, with a notice of so long before the end. */
  (
    | { readonly do: "interrupt"; readonly afterMs: number; readonly noticeMs: number }
    /** Ends without notice; the platform says so. */
    | { readonly do: "die"; readonly afterMs: number }
    /** Boots so much slower. */
    | { readonly do: "slow-boot"; readonly byMs: number }
    /** Stays pending, and bills. */
    | { readonly do: "never-boot" }
    /** Fails while booting. */
    | { readonly do: "fail-boot" }
    /** Its tags cannot be read. */
    | { readonly do: "damage-tags" }
  );

/** One scripted fault of the fake platform, as data. */
export type FakeFault = CallFault | LeaseFault;

/** Counts calls and says which faults strike each. */
export interface FaultScript {
  add(fault: FakeFault): void;
  clear(): void;
  /** Faults of the next call of this kind; counts it. */
  nextCall(on: FaultTarget, offerId?: string): readonly CallFault[];
  /** Faults of the next machine; counts it. */
  nextLease(offerId: string): readonly LeaseFault[];
  /** How many calls or leases of this kind there have been. */
  count(on: FakeFault["on"]): number;
}

/** A script that starts with these faults and can be added to while it runs. */
export function createFaultScript(initial: readonly FakeFault[]): FaultScript {
  let faults = [...initial];
  const counts = new Map<FakeFault["on"], number>();

  function advance(on: FakeFault["on"]): number {
    const count = (counts.get(on) ?? 0) + 1;
    counts.set(on, count);
    return count;
  }

  return {
    add: (fault) => void faults.push(fault),
    clear: () => void (faults = []),
    nextCall(on, offerId) {
      const count = advance(on);
      return faults.filter(isCallFault).filter((fault) => strikes(fault, on, count, offerId));
    },
    nextLease(offerId) {
      const count = advance("lease");
      return faults
        .filter((fault): fault is LeaseFault => fault.on === "lease")
        .filter((fault) => strikes(fault, "lease", count, offerId));
    },
    count: (on) => counts.get(on) ?? 0,
  };
}

function isCallFault(fault: FakeFault): fault is CallFault {
  return fault.on !== "lease";
}

function strikes(
  fault: FakeFault,
  on: FakeFault["on"],
  count: number,
  offerId: string | undefined,
): boolean {
  if (fault.on !== on) return false;
  if (fault.offerId !== undefined && fault.offerId !== offerId) return false;
  if (fault.nth === undefined) return true;
  return count >= fault.nth && count < fault.nth + (fault.times ?? 1);
}
