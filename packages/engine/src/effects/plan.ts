import { dropExpired } from "@gpujob/scheduler";
import type { Work } from "./work.ts";

/** Asks every platform for offers and ranks them; a failure of all of them is an empty plan that says so. */
export async function runPlan({ session, effectId, signal }: Work): Promise<void> {
  const { ports, submission } = session;
  const exclusions = dropExpired(session.snapshot().context.exclusions, ports.clock.now());
  const plan = await ports.makePlan(submission, exclusions, { signal });
  await session.emit({ type: "plan-made", ...plan }, { finish: effectId });
}
