import type { Failure } from "@gpujob/spec";
import { addExclusion, decideAfterFailure, dropExpired } from "@gpujob/scheduler";
import type { Exclusion, FailoverDecision, FailureSituation } from "@gpujob/scheduler";
import type { Attempt, AttemptEnd } from "./context.ts";
import { decideOutcome, failedOutcome, limitOutcome, wishOutcome } from "./outcomes.ts";
import type { Draft } from "./draft.ts";
import { clear, update } from "./draft.ts";

/** Calls were repeated by whoever made them; what arrives here has failed for good. */
const callsMade = Number.MAX_SAFE_INTEGER;

/**
 * What follows when an attempt has failed: the scheduler's table decides, the run remembers what to avoid and how often
 * it was interrupted. A failed extra placement is only avoided; it counts for nothing.
 */
export function afterFailure(
  draft: Draft,
  attempt: Attempt,
  failure: Failure,
  role: "current" | "spare",
  jobEnd: Pick<FailureSituation, "exitCode" | "ranOut"> = {},
): AttemptEnd {
  const { context, submission, at } = draft;
  const decision = decideAfterFailure(settledKind(failure), {
    job: submission.job,
    nowMs: at,
    offer: attempt.candidate.offer,
    calls: callsMade,
    interruptions: context.interruptions,
    failures: context.failures,
    isJobStarted: attempt.isStartAsked === true,
    // Release is asked for and proven whatever is decided here.
    mayHoldLease: false,
    ...jobEnd,
  });
  // An interruption of no place at all: the host was started anew and is there again.
  const isThereAgain = failure.kind === "interrupted" && failure.scope === "call";
  if ("exclusion" in decision && decision.exclusion !== undefined && !isThereAgain)
    avoid(draft, whileQueued(draft, failure, lasting(decision.exclusion, attempt, failure, at)));
  if (role === "spare") return { next: "none", reason: failure.message, failure };
  if (context.wish !== undefined) decideOutcome(draft, wishOutcome(context.wish));
  // A machine that is lost while a limit stops its job leaves nothing to go on with elsewhere.
  const cause = attempt.stopping;
  if (cause?.kind === "time" || cause?.kind === "budget")
    decideOutcome(draft, limitOutcome(cause, draft));
  if (draft.context.outcome !== undefined)
    return { next: "settle", reason: draft.context.outcome.reason, failure };
  if (decision.action === "retry-job" && decision.gpu === "larger")
    lookForLarger(draft, attempt, jobEnd.exitCode ?? 1);
  return follow(draft, failure, decision);
}

/** From here on only cards with more memory will do, so what was planned before does not count. */
function lookForLarger(draft: Draft, { number, candidate }: Attempt, exitCode: number): void {
  const { gpu } = candidate.offer;
  if (gpu === undefined) return;
  const { vramGib: aboveGib, vendor } = gpu;
  update(draft, { larger: { aboveGib, vendor, attempt: number, exitCode } });
  clear(draft, "plannedAt");
}

function follow(draft: Draft, failure: Failure, decision: FailoverDecision): AttemptEnd {
  const { context } = draft;
  const { reason } = decision;
  switch (decision.action) {
    case "next-offer":
      return { next: "retry", reason, failure };
    case "retry-job":
      if (decision.counts === "interruption")
        update(draft, { interruptions: context.interruptions + 1 });
      if (decision.counts === "failure") update(draft, { failures: context.failures + 1 });
      return { next: "retry", reason, failure };
    case "give-up":
      decideOutcome(draft, { ...failedOutcome(failure, decision.exitCode), reason });
      return { next: "settle", reason, failure };
    case "retry-call":
    case "wait-for-credentials":
    case "block-until-released":
    case "block-until-known":
      // The attempt is closed only after its release is proven, which is what these ask for.
      return { next: "retry", reason, failure };
  }
}

/** A create whose outcome was unknown is known by now: nothing was made, or it was found. */
function settledKind(failure: Failure): Failure {
  const { operation: _operation, ...rest } = failure;
  return failure.kind === "outcome_unknown" || failure.kind === "contract_violation"
    ? { ...rest, kind: "unavailable", scope: "offer" }
    : rest;
}

/**
 * A host whose cards are bad or missing is bad for every run. A machine of the user's own, or rented by hand, is that very
 * one; behind an offer of a platform are many, of which the same one comes back most likely soon.
 */
function lasting(
  exclusion: Exclusion,
  attempt: Attempt,
  { kind, scope }: Failure,
  at: number,
): Exclusion {
  const isBad = scope === "host" && (kind === "interrupted" || kind === "lease_failed");
  if (!isBad) return exclusion;
  const { release } = attempt.candidate.capabilities;
  const untilMs = Math.max(exclusion.untilMs, at + (release === "api" ? 1 : 4) * hourMs);
  return { ...exclusion, untilMs, isShared: true };
}

const hourMs = 3_600_000;
/** Who waits for stock looks again at what was sold out as soon as it may have come back. */
const soldOutMs = 60_000;

function whileQueued({ submission, at }: Draft, { kind }: Failure, found: Exclusion): Exclusion {
  if (kind !== "no_capacity" || submission.job.queueMs === undefined) return found;
  return { ...found, untilMs: Math.min(found.untilMs, at + soldOutMs) };
}

function avoid(draft: Draft, exclusion: Exclusion): void {
  const current = dropExpired(draft.context.exclusions, draft.at);
  update(draft, { exclusions: addExclusion(current, exclusion) });
}
