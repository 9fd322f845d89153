import { toFailure } from "@gpujob/spec";
import type { Link } from "./link.ts";
import type { MemberRef, Work } from "./work.ts";
import { lookUp } from "./work.ts";

/** While all is well the platform is asked about the machine itself only so often. */
const calmPollMs = 60_000;
const betweenLooksMs = 10_000;

/** Asks the platform about notices, and, more often while the host is silent, whether the machine still exists. */
export async function watchPlatform(work: Work, ref: MemberRef, link: Link): Promise<void> {
  const { session, signal } = work;
  const { clock, tempo } = session.ports;
  const state = { isNoticed: false, askedAt: clock.now() };
  while (!signal.aborted) {
    await clock.sleep(tempo.platformPollMs, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await lookForNotice(work, ref, state);
      const isDue =
        link.host === undefined || link.isSilent() || clock.now() - state.askedAt >= calmPollMs;
      if (isDue) {
        state.askedAt = clock.now();
        await lookForEnd(work, ref, link);
      }
    } catch (error) {
      if (!signal.aborted)
        session.ports.observe({
          type: "trouble",
          operation: "watchPlatform",
          failure: toFailure(error),
        });
    }
  }
}

async function lookForNotice(
  work: Work,
  ref: MemberRef,
  state: { isNoticed: boolean },
): Promise<void> {
  const { target, member, attempt } = lookUp(work, ref);
  if (state.isNoticed || attempt.stopping?.kind === "interruption") return;
  if (target.platform.watchInterruption === undefined || member.leaseId === undefined) return;
  const notice = await target.platform.watchInterruption(member.leaseId, { signal: work.signal });
  if (notice === undefined) return;
  state.isNoticed = true;
  await work.session.emit({
    type: "interruption-noticed",
    ...ref,
    reason: notice.reason,
    ...(notice.endsAt === undefined ? {} : { endsAt: Date.parse(notice.endsAt) }),
  });
}

/** The platform's word that the machine has ended is proof that its job cannot run. */
async function lookForEnd(work: Work, ref: MemberRef, link: Link): Promise<void> {
  const { session, signal } = work;
  const { target, member } = lookUp(work, ref);
  if (member.leaseId === undefined) return;
  const lease = await target.platform.getLease(member.leaseId, { signal });
  if (lease !== undefined && lease.state !== "ended" && lease.state !== "failed") return;
  // A host of the user's own knows its leases by files that others may remove: that proves nothing about the job.
  if (lease === undefined && target.capabilities.release === "owned") return;
  if (lease === undefined) {
    await session.ports.clock.sleep(betweenLooksMs, { signal });
    if ((await target.platform.getLease(member.leaseId, { signal })) !== undefined) return;
    // Platforms lose sight of machines for a while. One that still speaks to us is not gone.
    if (session.ports.clock.monotonic() - link.heardAt < betweenLooksMs) return;
  }
  await session.emit({
    type: "host-lost",
    ...ref,
    fence: { by: "platform", at: session.ports.clock.now() },
    failure: {
      kind: "interrupted",
      // A host of the user's own that says so itself is there again, and may be the only one.
      scope: target.capabilities.release === "owned" && lease !== undefined ? "call" : "offer",
      message: `${target.name}: the machine was taken away (${lease?.reason ?? "it is gone"}).`,
    },
  });
}
