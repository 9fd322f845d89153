import { isAborted, outcomeUnknown } from "@gpujob/adapter-kit";
import type { AdapterContext, Lease, Money, ReleaseProgress } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Wait } from "./product.ts";

/** Well inside the minute that a create may take. */
const patienceMs = 40_000;

/** Ends machines that turn out dearer than asked: the platform tells a price only once a machine is rented. */
export interface PriceGuard {
  /** The lease as it is, or, above the limit of its request, as failed, so that nothing is started on it. */
  judge(lease: Lease): Lease;
  /**
   * Holds a new lease to the limit of its request.
   *
   * A dearer one is released and `price_changed` thrown. While it cannot be ended (the platform ignores a power-off
   * during boot) it comes back as a failed lease, so that the engine goes on releasing it. Limits are kept in memory
   * only: after a restart of this program such a lease counts as any other.
   */
  admit(
    lease: Lease,
    limit: Money | undefined,
    release: (leaseId: string, wait: Wait) => Promise<ReleaseProgress>,
    wait: Wait,
  ): Promise<Lease>;
}

export function createPriceGuard({ platform, clock }: AdapterContext): PriceGuard {
  const limits = new Map<string, Money>();

  function tooDear({ leaseId, pricePerHour }: Lease): string | undefined {
    const limit = limits.get(leaseId);
    if (limit === undefined || pricePerHour === undefined) return undefined;
    if (pricePerHour.currency !== limit.currency || pricePerHour.micros <= limit.micros) {
      return undefined;
    }
    return `${leaseId} costs ${say(pricePerHour)}, above the limit of ${say(limit)}`;
  }

  function judge(lease: Lease): Lease {
    const reason = tooDear(lease);
    const isOver = lease.state === "ended" || lease.state === "stopped";
    if (reason === undefined || isOver) return lease;
    // It will bill once it has booted: only as billable is a failed lease pursued until it is gone.
    return { ...lease, state: "failed", isBillable: true, reason };
  }

  return {
    judge,
    async admit(lease, limit, release, wait) {
      if (limit === undefined) return lease;
      limits.set(lease.leaseId, limit);
      const reason = tooDear(lease);
      if (reason === undefined) return lease;
      const untilMs = clock.monotonic() + patienceMs;
      try {
        while (clock.monotonic() < untilMs) {
          const progress = await release(lease.leaseId, wait);
          if (progress.state === "released") throw dearer(platform, reason);
          await clock.sleep(progress.againAfterMs ?? 0, wait);
        }
      } catch (cause) {
        if (PlatformError.is(cause) && cause.kind === "price_changed") throw cause;
        if (wait.signal.aborted || isAborted(cause)) {
          const place = { platform, operation: "createLease", name: lease.leaseId };
          throw outcomeUnknown({ ...place, cause });
        }
      }
      return judge(lease);
    },
  };
}

function say({ currency, micros }: Money): string {
  return `${micros / 1e6} ${currency}/h`;
}

function dearer(platform: string, reason: string): PlatformError {
  return new PlatformError("price_changed", `${platform}: ${reason}. It was released.`, {
    platform,
    operation: "createLease",
    scope: "offer",
    hint: "Raise limits.price, or correct `prices` in the configuration.",
  });
}
