import type { FailureKind, PlanMissing } from "@gpujob/spec";
import type { Draft } from "./draft.ts";
import { ask, findAttempt, update } from "./draft.ts";

/** Waits until platforms are asked again after nothing could be had: they double, in milliseconds. */
const firstWaitMs = 2000;
const longestWaitMs = 30_000;

/** Why an extra placement is wanted: the machine that counts is (nearly) lost, boots longer than usual, or by `hedge`. */
export type SpareWish = "lost" | "slow" | "hedge";

/** Is an extra placement of use now, and why? */
export function spareWish({ context, submission }: Draft): SpareWish | undefined {
  const attempt = findAttempt(context, context.current);
  if (context.outcome !== undefined || context.wish !== undefined) return undefined;
  if (attempt?.phase === "booting" && attempt.isSlow === true) return "slow";
  if (attempt?.phase === "acquiring" || attempt?.phase === "booting")
    return submission.job.hedge === undefined ? undefined : "hedge";
  if (attempt?.phase !== "running") return undefined;
  if (context.interruptions >= submission.job.retry.interruptions) return undefined;
  const isBeingTaken = attempt.stopping?.kind === "interruption";
  const isSilent = attempt.members.some((member) => member.silentSince !== undefined);
  return isBeingTaken || (isSilent && attempt.stopping === undefined) ? "lost" : undefined;
}

/**
 * Plans again when there may be something new (`afterMs`); where that is not known, a little later than after the last plan
 * that brought nothing. Not after `untilMs`.
 */
export function planLater(
  draft: Draft,
  { untilMs = Number.MAX_SAFE_INTEGER, afterMs }: { untilMs?: number; afterMs?: number } = {},
): void {
  const before = draft.context.fruitlessPlans ?? 0;
  update(draft, { fruitlessPlans: before + 1 });
  const grownMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(before, 10));
  const dueAt = Math.min(draft.at + (afterMs ?? grownMs), untilMs);
  ask(draft, { kind: "timer", timer: "replan" }, dueAt);
}

/**
 * How long the run waits for something to fit, in milliseconds; `undefined`: not at all. Its user's `queue`, and once it
 * has been somewhere also a platform that did not answer just now or was asked too often, for as long as a silent machine
 * is waited for.
 */
export function patienceMs(
  { context, submission }: Draft,
  missing: readonly PlanMissing[],
): number | undefined {
  const { queueMs } = submission.job;
  const last = context.attempts.at(-1)?.end?.failure?.kind;
  const mayAnswer =
    missing.some(({ failure }) => failure === undefined || passing.has(failure.kind)) ||
    // Nothing was wrong with the place, or nobody knows what was: a driver that died on the way leaves that too.
    last === "rate_limited" ||
    last === "outcome_unknown";
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
