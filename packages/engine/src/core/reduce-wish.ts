import { dropSpare, releaseAttempt, stopJob } from "./attempt.ts";
import type { Attempt, StopCause } from "./context.ts";
import type { Draft } from "./draft.ts";
import { cancel, clear, findAttempt, update, updateAttempt } from "./draft.ts";
import type { RunEvent } from "./events.ts";
import { graceOf } from "./limits.ts";
import { endOf } from "./job-end.ts";
import { giveUpOutputs, isToBeFetched } from "./lose-outputs.ts";
import { decideOutcome, limitOutcome, wishOutcome } from "./outcomes.ts";

type Of<Type extends RunEvent["type"]> = RunEvent & { readonly type: Type };
type Wish = StopCause & { readonly kind: "wish" };

/** The user's stop. It outranks whatever the run was about to do next. */
export function applyStopWished(draft: Draft, event: Of<"stop-wished">): void {
  const before = draft.context.wish;
  if (before?.isNow === true || (before !== undefined && !event.isNow)) return;
  const wish: Wish = { kind: "wish", reason: event.reason, isNow: event.isNow };
  update(draft, { wish });
  dropSpare(draft, "The run was stopped.");
  cancel(draft, { kind: "plan" });
  cancel(draft, { kind: "timer", timer: "replan" });
  cancel(draft, { kind: "timer", timer: "start" });
  clear(draft, "planning", "isQueued");
  const attempt = findAttempt(draft.context, draft.context.current);
  if (attempt === undefined || attempt.phase === "closed")
    return decideOutcome(draft, wishOutcome(wish));
  stopAttempt(draft, attempt, wish);
}

function stopAttempt(draft: Draft, attempt: Attempt, wish: Wish): void {
  const end = { next: "settle" as const, reason: wishOutcome(wish).reason };
  switch (attempt.phase) {
    case "acquiring":
    case "booting":
    case "preparing":
    case "standby":
      decideOutcome(draft, wishOutcome(wish));
      return releaseAttempt(draft, attempt.number, end);
    case "running":
      if (wish.isNow) {
        decideOutcome(draft, wishOutcome(wish));
        return releaseAttempt(draft, attempt.number, end);
      }
      return stopJob(draft, attempt.number, wish, graceOf(draft));
    case "collecting":
    case "holding":
      // The job is over: its own result stands, and only the wait is cut short. What was to follow does not.
      decideOutcome(draft, wishOutcome(wish));
      if (attempt.isCollected === true)
        return releaseAttempt(draft, attempt.number, settled(attempt));
      updateAttempt(draft, attempt.number, { end: settled(attempt) });
      if (wish.isNow) giveUpOutputs(draft, attempt.number, "The run was stopped at once.");
      return;
    case "releasing":
      decideOutcome(draft, wishOutcome(wish));
      updateAttempt(draft, attempt.number, { end });
      return;
    case "closed":
      return;
  }
}

function settled(attempt: Attempt): ReturnType<typeof endOf> {
  return { ...endOf(attempt), next: "settle" };
}

/** `limits.time` is over: save, stop, collect, release. */
export function applyTimeLimit(draft: Draft): void {
  stopForLimit(draft, { kind: "time" });
}

export function applyBudgetTimer(draft: Draft, timer: "budget" | "budget-warning"): void {
  if (timer === "budget-warning") return update(draft, { isBudgetWarned: true });
  stopForLimit(draft, { kind: "budget" });
}

function stopForLimit(draft: Draft, cause: StopCause & { readonly kind: "time" | "budget" }): void {
  dropSpare(draft, "A limit of the run is reached.");
  cancel(draft, { kind: "plan" });
  clear(draft, "planning");
  const outcome = limitOutcome(cause, draft);
  const attempt = findAttempt(draft.context, draft.context.current);
  if (attempt === undefined || attempt.phase === "closed") return decideOutcome(draft, outcome);
  switch (attempt.phase) {
    case "running":
      // It is being stopped already, perhaps to go on elsewhere: it will not.
      if (attempt.stopping?.kind === "interruption" || attempt.stopping?.kind === "member")
        return void updateAttempt(draft, attempt.number, { stopping: cause });
      return stopJob(draft, attempt.number, cause, graceOf(draft));
    case "holding":
      return isToBeFetched(attempt)
        ? giveUpOutputs(draft, attempt.number, outcome.reason)
        : releaseAttempt(draft, attempt.number, endOf(attempt));
    case "collecting":
    case "releasing":
      if (attempt.phase === "collecting") update(draft, { isLimitReached: true });
      // What its job came to stands; only another try is out of the question.
      if (attempt.end?.next === "retry") {
        decideOutcome(draft, outcome);
        updateAttempt(draft, attempt.number, { end: { next: "settle", reason: outcome.reason } });
      }
      return;
    case "acquiring":
    case "booting":
    case "preparing":
    case "standby":
      // A driver that died may have started it long ago: what it made by now is not to be lost.
      if (attempt.isStartAsked === true)
        return void updateAttempt(draft, attempt.number, { stopping: attempt.stopping ?? cause });
      decideOutcome(draft, outcome);
      return releaseAttempt(draft, attempt.number, { next: "settle", reason: outcome.reason });
  }
}

/** The kept machine was given up, taken over, or its time is over. */
export function applyKeepEnded(draft: Draft): void {
  const attempt = findAttempt(draft.context, draft.context.current);
  if (attempt?.phase === "holding" && attempt.isCollected === true) {
    releaseAttempt(draft, attempt.number, endOf(attempt));
  }
}
