import { toFailure } from "@gpujob/spec";
import type { MemberRef, Work } from "./work.ts";
import { backOff } from "./work.ts";

/** Lets a node of a gang go on from its set-up, until it has heard it. Cancelled with the attempt. */
export async function runProceedJob(work: Work, ref: MemberRef): Promise<void> {
  const { session, signal } = work;
  const wait = backOff(250, 2000);
  for (let isHeard = false; ;) {
    try {
      if (!isHeard) {
        const host = await session.host(ref.attempt, ref.member, { signal });
        await host.proceed?.(session.hostAttempt(ref.attempt, ref.member), { signal });
        session.ports.crashPoint("sent:proceed-job");
        isHeard = true;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      session.ports.observe({ type: "trouble", operation: "proceed", failure: toFailure(error) });
    }
    await session.ports.clock.sleep(wait(), { signal });
  }
}
