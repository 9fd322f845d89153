import { toFailure } from "@gpujob/spec";
import type { Effect } from "../core/effects.ts";
import type { Work } from "./work.ts";
import { backOff } from "./work.ts";

/** Asks the host to stop the job, until it has heard it; the watch sees the end. Cancelled when the job has ended. */
export async function runStopJob(
  work: Work,
  effect: Effect & { readonly kind: "stop-job" },
): Promise<void> {
  const { session, signal } = work;
  const { attempt, member, graceMs, reason } = effect;
  const wait = backOff(250, 2000);
  for (let isHeard = false; ;) {
    try {
      if (!isHeard) {
        const host = await session.host(attempt, member, { signal });
        await host.stop(session.hostAttempt(attempt, member), { graceMs, reason }, { signal });
        session.ports.crashPoint("sent:stop-job");
        isHeard = true;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      session.ports.observe({ type: "trouble", operation: "stop", failure: toFailure(error) });
    }
    await session.ports.clock.sleep(wait(), { signal });
  }
}
