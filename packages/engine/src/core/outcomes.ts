import { exitCodeOf } from "@gpujob/scheduler";
import type { NoOffer } from "@gpujob/scheduler";
import type { Failure } from "@gpujob/spec";
import { formatDuration, formatMoney } from "@gpujob/spec";
import type { Outcome, RunContext, StopCause } from "./context.ts";
import type { Draft } from "./draft.ts";
import { isEndedByDeadline, sayDeadline } from "./appointment.ts";
import { update } from "./draft.ts";

/** Decides how the run ends; the first word counts. */
export function decideOutcome(draft: Draft, outcome: Outcome): void {
  if (draft.context.outcome === undefined) update(draft, { outcome });
}

/** A run that ends because of a failure. */
export function failedOutcome(
  failure: Failure,
  exitCode: number = exitCodeOf(failure.kind),
): Outcome {
  return { state: "failed", exitCode, reason: failure.message, failure };
}

export function wishOutcome(wish: StopCause & { readonly kind: "wish" }): Outcome {
  const reason = wish.reason === "cancelled" ? "Stopped by you." : "Stopped by SIGTERM.";
  return {
    state: "cancelled",
    exitCode: exitCodeOf(wish.reason),
    reason,
    failure: { kind: wish.reason, message: reason },
  };
}

export function limitOutcome(
  cause: StopCause & { readonly kind: "time" | "budget" },
  { submission, context }: Pick<Draft, "submission" | "context">,
): Outcome {
  const { limits } = submission.job;
  if (cause.kind === "time" && isEndedByDeadline(submission, context)) {
    return failedOutcome({
      kind: "time_limit",
      message: `The deadline of ${sayDeadline(submission)} was reached.`,
      hint: `Submit it with a later deadline; --from ${submission.runId} goes on from its last checkpoint.`,
    });
  }
  if (cause.kind === "time") {
    const message = `The time limit of ${formatDuration(limits.timeMs)} was reached.`;
    return failedOutcome({
      kind: "time_limit",
      message,
      hint: "Raise limits.time, or continue with gpujob retry.",
    });
  }
  const budget = limits.budget === undefined ? "" : ` of ${formatMoney(limits.budget)}`;
  return failedOutcome({
    kind: "budget_reached",
    message: `The budget${budget} was reached.`,
    hint: "Raise limits.budget, or continue with gpujob retry.",
  });
}

/** Nothing (more) can be rented: why, by what was tried and what was missing. */
export function noOfferOutcome(
  context: RunContext,
  explanation: NoOffer | undefined,
  { waitedMs }: { readonly waitedMs?: number } = {},
): Outcome {
  const outcome = withoutOffer(context, explanation);
  if (waitedMs === undefined) return outcome;
  const spent = `Waited ${formatDuration(Math.round(waitedMs / 1000) * 1000)} for stock in vain.`;
  const failure = outcome.failure ?? { kind: "no_offer_matches", message: "" };
  return failedOutcome({ ...failure, message: `${spent} ${failure.message}` }, outcome.exitCode);
}

function withoutOffer(context: RunContext, explanation: NoOffer | undefined): Outcome {
  const last = context.attempts.at(-1)?.end?.failure;
  // What would mend the last try is nearer than what would widen the search.
  const next = last?.hint ?? explanation?.hint;
  const hint = next === undefined ? {} : { hint: next };
  if (context.larger !== undefined && last?.kind === "exit_nonzero") {
    const { aboveGib, exitCode } = context.larger;
    const why = explanation === undefined ? "" : ` ${explanation.message}`;
    const message = `The memory ran out, and no card with more than ${aboveGib} GiB can be had.${why}`;
    return failedOutcome({ ...last, message }, exitCode);
  }
  if (last !== undefined) {
    const message = `No other offer is left after ${context.attempts.length} tried. The last: ${last.message}`;
    return failedOutcome({ kind: "nothing_rented", message, ...hint });
  }
  return failedOutcome({
    kind: explanation?.kind ?? "no_offer_matches",
    message: explanation?.message ?? "Every offer that fits is in use or avoided for now.",
    ...hint,
  });
}
