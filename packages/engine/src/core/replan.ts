import type { FailureKind, PlanMissing } from "@gpujob/spec";
import type { Draft } from "./draft.ts";
import { ask, findAttempt, update } from "./draft.ts";

/** Waits until platforms are asked again after nothing could be had: they double, in milliseconds. */
const firstWaitMs = 2000;
const longestWaitMs = 30_000;

/** Is an extra placement of use now: is the machine that counts silent, or about to be taken? */
export function wantsSpare({ context, submission }: Draft): boolean {
  const attempt = findAttempt(context, context.current);
  if (attempt?.phase !== "running" || context.outcome !== undefined || context.wish !== undefined)
    return false;
  if (context.interruptions >= submission.job.retry.interruptions) return false;
  if (attempt.stopping !== undefined) return attempt.stopping.kind === "interruption";
  return attempt.members.some((member) => member.silentSince !== undefined);
}

/** Plans again a little later than after the last plan that brought nothing, and not after `untilMs`. */
export function planLater(draft: Draft, untilMs: number = Number.MAX_SAFE_INTEGER): void {
  const before = draft.context.fruitlessPlans ?? 0;
  update(draft, { fruitlessPlans: before + 1 });
  const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(before, 10));
  ask(draft, { kind: "timer", timer: "replan" }, Math.min(draft.at + waitMs, untilMs));
}

/**
 * How long the run waits for something to fit, in milliseconds; `undefined`: not at all. Its user's `queue`, and once it
 * has been somewhere also a platform that did not answer just now, for as long as a silent machine is waited for.
 */
export function patienceMs(
  { context, submission }: Draft,
  missing: readonly PlanMissing[],
): number | undefined {
  const { queueMs } = submission.job;
  const mayAnswer = missing.some(
    ({ failure }) => failure === undefined || passing.has(failure.kind),
  );
  if (context.attempts.length === 0 || !mayAnswer) return queueMs;
  return Math.max(queueMs ?? 0, submission.timeouts.unreachableMs);
}

/** Why a platform may be missing from one plan and be there in the next. */
const passing: ReadonlySet<FailureKind> = new Set([
  "rate_limited",
  "unavailable",
  "unreachable",
  "aborted",
  "timeout",
  "contract_violation",
]);
