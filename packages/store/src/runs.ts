import { GpujobError } from "@gpujob/spec";
import { all, first } from "./query.ts";
import type { Value, Work } from "./query.ts";
import { insertEffects } from "./effects.ts";
import { experienceMs } from "./experiences.ts";
import { text, toRun } from "./rows.ts";
import { deleteOfRun, listRunsSql, sql, tablesOfRun } from "./sql.ts";
import type { NewRun, RunFilter, RunRow } from "./store.ts";

/**
 * Writes a new run with its first effects. A known idempotency key with the same content answers with the run that
 * exists and writes nothing. Throws `GpujobError` of kind `usage` when the content differs.
 */
export function* createRun(run: NewRun): Work<{ readonly runId: string; readonly isNew: boolean }> {
  const inserted = yield* first(
    sql.insertRun,
    run.runId,
    run.name,
    run.state,
    run.createdAt,
    run.snapshot,
    run.snapshotVersion,
    run.submission,
    JSON.stringify(run.labels),
    run.idempotency?.key ?? null,
    run.idempotency?.contentHash ?? null,
  );
  if (inserted === undefined) return yield* findSubmitted(run);
  yield* insertEffects(run.runId, 0, run.createdAt, run.effects);
  return { runId: run.runId, isNew: true };
}

function* findSubmitted(run: NewRun): Work<{ readonly runId: string; readonly isNew: boolean }> {
  const key = run.idempotency?.key ?? "";
  const existing = yield* first(sql.runByIdempotencyKey, key);
  if (existing === undefined) {
    throw new GpujobError("store", `The run ${run.runId} could not be written.`);
  }
  const runId = text(existing, "run_id");
  if (existing["content_hash"] === run.idempotency?.contentHash) return { runId, isNew: false };
  throw new GpujobError(
    "usage",
    `The idempotency key "${key}" belongs to run ${runId}, which was submitted with another content.`,
    { hint: `Use a new key for a new job, or see the other one with \`gpujob show ${runId}\`.` },
  );
}

/** One run, if it exists. */
export function* loadRun(runId: string): Work<RunRow | undefined> {
  const row = yield* first(sql.loadRun, runId);
  return row === undefined ? undefined : toRun(row);
}

/** Runs, newest first. */
export function* listRuns(filter: RunFilter): Work<readonly RunRow[]> {
  const { active = false, since, limit } = filter;
  const values: Value[] = [];
  if (since !== undefined) values.push(since, since);
  if (limit !== undefined) values.push(limit);
  const statement = listRunsSql({
    active,
    since: since !== undefined,
    limit: limit !== undefined,
  });
  return (yield* all(statement, ...values)).map(toRun);
}

/** The run with this id; when there is none, those whose id begins so or that bear this name. */
export function* findRuns(reference: string): Work<readonly RunRow[]> {
  if (reference === "") return [];
  const exact = yield* loadRun(reference);
  if (exact !== undefined) return [exact];
  const rows = yield* all(sql.findRuns, reference, reference, reference);
  return rows.map(toRun);
}

/**
 * Removes runs that settled before a moment with all that belongs to them, and exclusions that are over.
 * A run with a lease that may still bill, or that the sweep still watches, stays whole.
 */
export function* prune(before: number, now: number): Work<{ readonly runs: number }> {
  const rows = yield* all(sql.prunableRuns, before, now);
  for (const row of rows) {
    for (const table of tablesOfRun) yield* all(deleteOfRun(table), text(row, "run_id"));
  }
  yield* all(sql.dropExclusions, now);
  yield* all(sql.dropExperiences, now - experienceMs);
  return { runs: rows.length };
}
