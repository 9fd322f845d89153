import type { Failure } from "@gpujob/spec";
import { afterFailure } from "./after-failure.ts";
import { releaseAttempt } from "./attempt.ts";
import type { Attempt } from "./context.ts";
import type { Draft } from "./draft.ts";
import { attemptOf, clear, update } from "./draft.ts";
import { endOf } from "./job-end.ts";
import { budgetLeftMicros } from "./limits.ts";
import { failedOutcome } from "./outcomes.ts";

/** Is the job over and what it made still on its machine? */
export function isToBeFetched({ phase, isCollected }: Attempt): boolean {
  return (phase === "collecting" || phase === "holding") && isCollected !== true;
}

/**
 * The machine is proven to be gone and took the outputs along. An attempt is over when its outputs are at home; so this is
 * an interruption like any other, whatever its job had come to, and the job runs again as far as `retry.interruptions`
 * allows. Where it may not, the run ends by `giveUpOutputs`.
 */
export function loseOutputs(draft: Draft, number: number, cause: Failure): void {
  const attempt = attemptOf(draft.context, number);
  update(draft, { isCollectFailed: true });
  if (endOf(attempt).next !== "settle") return releaseAttempt(draft, number, endOf(attempt));
  if (!mayRunAgain(draft, attempt)) return giveUpOutputs(draft, number, cause.message);
  clear(draft, "outcome");
  const lost: Failure = {
    kind: "interrupted",
    scope: cause.scope ?? "offer",
    message: `The machine was lost before its outputs were fetched. ${cause.message}`,
  };
  releaseAttempt(draft, number, afterFailure(draft, attempt, lost, "current"));
}

/** Only a job that ended by itself runs again, and only while nothing else forbids another attempt. */
function mayRunAgain(draft: Draft, { number, stopping }: Attempt): boolean {
  const { context, submission, at } = draft;
  const { job } = submission;
  if (number !== context.current || job.run === undefined || context.wish !== undefined)
    return false;
  if (stopping !== undefined && stopping.kind !== "member") return false;
  if (context.isLimitReached === true || at >= (context.timeLimitAt ?? Number.POSITIVE_INFINITY))
    return false;
  const hasMoney = (budgetLeftMicros(draft) ?? 1) > 0;
  return hasMoney && context.interruptions < job.retry.interruptions;
}

/**
 * Lets a machine go whose outputs did not come home. A job that had succeeded has then not: the run ends with
 * `download_failed`. Any other end stands; that outputs are missing is told beside it.
 */
export function giveUpOutputs(draft: Draft, number: number, why: string): void {
  const attempt = attemptOf(draft.context, number);
  update(draft, { isCollectFailed: true });
  const end = endOf(attempt);
  if (draft.context.outcome?.state !== "succeeded") return releaseAttempt(draft, number, end);
  const failure: Failure = {
    kind: "download_failed",
    message: `The job finished, but its outputs could not be fetched. ${why}`,
    hint: "Run it again from its last checkpoint with gpujob retry.",
  };
  update(draft, { outcome: failedOutcome(failure) });
  releaseAttempt(draft, number, { ...end, reason: failure.message, failure });
}
