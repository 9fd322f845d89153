import { toFailure } from "@gpujob/spec";
import type { Effect } from "../core/effects.ts";
import { attemptOf } from "../core/draft.ts";
import type { Work } from "./work.ts";

/** Brings the checkpoint folder of the first node home at the job's interval; one that takes longer skips a turn. */
export async function runTakeCheckpoints(
  work: Work,
  effect: Effect & { readonly kind: "take-checkpoints" },
): Promise<void> {
  const { session, signal } = work;
  const { ports } = session;
  const rule = session.submission.job.checkpoint;
  const everyMs = rule?.everyMs ?? Number.MAX_SAFE_INTEGER;
  for (;;) {
    const startedAt = ports.clock.now();
    try {
      if (!isSilent(work, effect.attempt)) await takeCheckpoint(work, effect.attempt, false);
    } catch (error) {
      if (signal.aborted) throw error;
      ports.observe({ type: "trouble", operation: "checkpoint", failure: toFailure(error) });
    }
    const tookMs = ports.clock.now() - startedAt;
    const turns = Math.floor(tookMs / everyMs) + 1;
    await ports.clock.sleep(turns * everyMs - tookMs, { signal });
  }
}

/** A silent host is left to the watch: a second connection would only wait as well. */
function isSilent(work: Work, attempt: number): boolean {
  const first = attemptOf(work.session.snapshot().context, attempt).members[0];
  return first?.silentSince !== undefined;
}

/** One checkpoint, if there is anything to take; journaled when it is whole. */
export async function takeCheckpoint(work: Work, attempt: number, isFinal: boolean): Promise<void> {
  const { session, signal } = work;
  const rule = session.submission.job.checkpoint;
  if (rule === undefined) return;
  const host = await session.host(attempt, 0, { signal });
  const startedAt = session.ports.clock.now();
  const saved = await session.ports.files.saveCheckpoint(host, session.hostAttempt(attempt, 0), {
    signal,
    path: rule.path,
    isFinal,
    keep: rule.keep,
  });
  if (saved === undefined) return;
  session.ports.crashPoint("sent:take-checkpoints");
  const leftOut = saved.skipped
    .slice(0, mostNamed)
    .map(({ path, reason }) => `${path} (${reason})`);
  const skipped = saved.skipped.length;
  if (saved.checkpoint === undefined) {
    // Told once: the next ones find the same until one succeeds.
    if (session.snapshot().context.unsaved?.isAll === true) return;
    return session.emit({ type: "checkpoint-missed", attempt, skipped, leftOut });
  }
  const tookMs = Math.max(0, session.ports.clock.now() - startedAt);
  await session.emit({
    type: "checkpoint-saved",
    attempt,
    checkpoint: { ...saved.checkpoint, attempt, at: startedAt, tookMs },
    skipped,
    ...(skipped === 0 ? {} : { leftOut }),
  });
}

/** Files that are named of those which could not be saved. */
const mostNamed = 3;
