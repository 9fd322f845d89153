import { toFailure } from "@gpujob/spec";
import { endsAt } from "./ends-at.ts";
import type { MemberRef, Work } from "./work.ts";
import { lookUp } from "./work.ts";

const moveEveryMs = 300_000;

/** Moves the platform's own end timer forward for as long as the run is driven. */
export async function runExtendLease(work: Work, ref: MemberRef): Promise<void> {
  const { session, signal } = work;
  const { ports } = session;
  // After another driver nobody knows for how long none moved it: a reservation of an own host may have lapsed.
  for (let isDue = work.tries > 0; ; isDue = false) {
    if (!isDue) await ports.clock.sleep(moveEveryMs, { signal });
    const { target, member } = lookUp(work, ref);
    const { leaseId } = member;
    if (leaseId === undefined || target.platform.extendLease === undefined) continue;
    const until = new Date(endsAt(session, target)).toISOString();
    try {
      await target.platform.extendLease(leaseId, until, { signal });
    } catch (error) {
      if (signal.aborted) throw error;
      ports.observe({ type: "trouble", operation: "extendLease", failure: toFailure(error) });
    }
  }
}
