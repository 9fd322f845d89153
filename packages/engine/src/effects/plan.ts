import { dropExpired } from "@gpujob/scheduler";
import { GpujobError } from "@gpujob/spec";
import { withWorkLeft } from "../core/appointment.ts";
import { demandLarger } from "../core/larger-card.ts";
import { takeMachine } from "./take-machine.ts";
import type { Work } from "./work.ts";

/** Asks every platform for offers and ranks them; a failure of all of them is an empty plan that says so. */
export async function runPlan(work: Work): Promise<void> {
  const { session, effectId, signal } = work;
  const { ports, submission } = session;
  const { exclusions, attempts } = session.snapshot().context;
  if (
    submission.on !== undefined &&
    attempts.length === 0 &&
    (await planKept(work, submission.on.runId))
  )
    return;
  const current = dropExpired(exclusions, ports.clock.now());
  const { larger, isQueued, queuedSince } = session.snapshot().context;
  const { planned, ...usual } = submission;
  // The first machine is the one that was agreed on. What follows when it is lost is up to what there is then.
  const held = planned !== undefined && attempts.length === 0 ? { ...usual, planned } : usual;
  const left = withWorkLeft(submission.job, attempts);
  const asked = { ...held, job: larger === undefined ? left : demandLarger(left, larger) };
  const wait = isQueued === true ? { signal, isWaiting: true } : { signal };
  const plan = await ports.makePlan(asked, current, wait);
  const above = larger === undefined ? {} : { aboveGib: larger.aboveGib };
  const waited =
    isQueued === true && queuedSince !== undefined && plan.candidates.length > 0
      ? { waitedMs: ports.clock.now() - queuedSince }
      : {};
  await session.emit({ type: "plan-made", ...plan, ...above, ...waited }, { finish: effectId });
}

/** `--on`: the only candidate is the machine that another run kept. False: it is gone, so an ordinary plan follows. */
async function planKept(work: Work, from: string): Promise<boolean> {
  try {
    const { candidate } = await takeMachine(work, from);
    const reason = `The kept machine of ${from}.`;
    const candidates = [{ ...candidate, reason }];
    await work.session.emit(
      { type: "plan-made", candidates, missing: [] },
      { finish: work.effectId },
    );
    return true;
  } catch (error) {
    if (!GpujobError.is(error) || error.kind !== "not_found") throw error;
    return false;
  }
}
