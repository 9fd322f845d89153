import { beginHedge, beginNext, startWhenAllowed, wasRented } from "./attempt.ts";
import { closeAttempts } from "./close.ts";
import type { RunContext } from "./context.ts";
import type { Draft } from "./draft.ts";
import { cancel, clear, findAttempt, update } from "./draft.ts";
import { isEveryMemberDone, mayCallOver } from "./status.ts";

/** What follows when the current attempt is on its way out; `wait`: a proof is missing yet. */
export type NextStep = "wait" | "settle" | "spare" | "begin";

export function nextStep(context: RunContext): NextStep {
  const attempt = findAttempt(context, context.current);
  if (attempt === undefined) return context.outcome === undefined ? "wait" : "settle";
  const isOver =
    attempt.phase === "closed" || (attempt.phase === "releasing" && isEveryMemberDone(attempt));
  if (!isOver) return "wait";
  if (context.outcome !== undefined) return mayCallOver(context) ? "settle" : "wait";
  if (attempt.phase === "closed") return "wait";
  if (context.spare !== undefined) return "spare";
  // An extra placement that was given back, and may bill yet, is one too many already.
  return context.attempts.every((each) => each.phase === "closed" || isEveryMemberDone(each))
    ? "begin"
    : "wait";
}

/** Closes what is proven to be over and takes the next step. */
export function advance(draft: Draft): void {
  const step = nextStep(draft.context);
  closeAttempts(draft, "all");
  switch (step) {
    case "settle":
      update(draft, { isSettled: true });
      for (const timer of ["time-limit", "budget", "budget-warning", "replan"] as const) {
        cancel(draft, { kind: "timer", timer });
      }
      return;
    case "spare": {
      const number = draft.context.spare;
      clear(draft, "spare");
      const before = findAttempt(draft.context, draft.context.current);
      if (number !== undefined) update(draft, { current: number });
      // Of two that were asked the one that counted was refused: the other is alone.
      if (before?.isHedge === true && !wasRented(before)) beginHedge(draft);
      return startWhenAllowed(draft);
    }
    case "begin":
      if (draft.context.planning === undefined) return beginNext(draft);
      return update(draft, { planning: "next" });
    case "wait":
      return;
  }
}
