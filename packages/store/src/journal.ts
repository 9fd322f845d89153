import { GpujobError } from "@gpujob/spec";
import { cancelEffects, insertEffects } from "./effects.ts";
import { putExperience } from "./experiences.ts";
import { insertLedger, putLease } from "./leases.ts";
import { putExclusion } from "./memory.ts";
import { all, count, first } from "./query.ts";
import type { Work } from "./query.ts";
import { toEvent, toLock } from "./rows.ts";
import { sql } from "./sql.ts";
import { StaleEpochError } from "./store.ts";
import type { Commit, CommitResult, EventRow } from "./store.ts";

/**
 * One step of a run: the event, the snapshot after it, and all that it asks for or settles. The first statement is
 * the guard: it moves the run forward only when the epoch holds the lock and no other event came first. Effects are
 * finished, then cancelled, then added, so a step may replace what it removes.
 */
export function* commit(step: Commit): Work<CommitResult> {
  const { runId, at, event } = step;
  const seq = step.expectedSeq + 1;
  const advanced = yield* count(
    sql.advanceRun,
    seq,
    step.snapshot,
    step.state,
    step.settledAt ?? null,
    runId,
    step.expectedSeq,
    step.epoch,
  );
  if (advanced === 0) throw yield* refusal(step);
  yield* all(sql.insertEvent, runId, seq, at, event.type, event.data);
  for (const effectId of step.finishEffects) yield* all(sql.finishEffect, runId, effectId);
  yield* cancelEffects(runId, step.cancelEffects);
  const added = yield* insertEffects(runId, seq, at, step.addEffects);
  for (const lease of step.leases) yield* putLease(lease);
  for (const charge of step.ledger) yield* insertLedger(charge);
  for (const exclusion of step.exclusions ?? []) yield* putExclusion(exclusion);
  for (const experience of step.experiences ?? []) yield* putExperience(experience);
  for (const wishId of step.consumeWishes) yield* all(sql.consumeWish, runId, wishId);
  return { seq, added };
}

function* refusal(step: Commit): Work<Error> {
  const run = yield* first(sql.runSeq, step.runId);
  if (run === undefined) {
    return new GpujobError("not_found", `There is no run ${step.runId} in the store.`, {
      hint: "It may have been pruned: see `gpujob ps --all`.",
    });
  }
  const lock = toLock(yield* first(sql.readLock, step.runId));
  if (lock === undefined || lock.epoch !== step.epoch) return new StaleEpochError(step.runId);
  return new GpujobError(
    "internal",
    `The run ${step.runId} is at event ${String(run["seq"])}, not ${step.expectedSeq}: one driver wrote twice from one snapshot.`,
  );
}

/** Events of a run after `sinceSeq`, in order. */
export function* listEvents(runId: string, sinceSeq: number): Work<readonly EventRow[]> {
  return (yield* all(sql.listEvents, runId, sinceSeq)).map(toEvent);
}
