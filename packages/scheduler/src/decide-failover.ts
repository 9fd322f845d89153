import { assertNever, type Failure, type JobSpec, type Offer, type RetryRule } from "@gpujob/spec";
import { makeExclusion, type Exclusion } from "./exclusions.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { failureRules, type Avoid, type FailureRule } from "./failure-rules.ts";

/** What is known when something failed. Counts do not include this failure. */
export interface FailureSituation {
  readonly job: Pick<JobSpec, "retry">;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** The offer that was tried or used, if the failure has to do with one. */
  readonly offer?: Pick<Offer, "platform" | "region" | "zone" | "offerId" | "gpu">;
  /** Times the same call failed before. */
  readonly calls: number;
  /** Attempts of this run that were interrupted before. */
  readonly interruptions: number;
  /** Attempts of this run in which the job failed before. */
  readonly failures: number;
  /** Has the job been started in this attempt? Before that, losing a machine is no interruption. */
  readonly isJobStarted: boolean;
  /** May something of this attempt exist at the platform? */
  readonly mayHoldLease: boolean;
  /** The job's own exit code, where it has one. */
  readonly exitCode?: number;
  /** Whose memory ran out, where the job ended for that. */
  readonly ranOut?: "machine" | "card";
}

/** What to do now. `reason` is the sentence the user reads. */
export type FailoverDecision =
  | { readonly action: "retry-call"; readonly afterMs: number; readonly reason: string }
  /** Release what this attempt holds, prove it, and take the next offer that fits. */
  | { readonly action: "next-offer"; readonly exclusion?: Exclusion; readonly reason: string }
  /** Run the job again, from its last checkpoint, in a new attempt. */
  | {
      readonly action: "retry-job";
      readonly counts: "interruption" | "failure" | "nothing";
      readonly afterMs: number;
      readonly exclusion?: Exclusion;
      /** On cards with more memory each. */
      readonly gpu?: "larger";
      readonly reason: string;
    }
  | { readonly action: "give-up"; readonly exitCode: number; readonly reason: string }
  | { readonly action: "wait-for-credentials"; readonly reason: string }
  | { readonly action: "block-until-released"; readonly afterMs: number; readonly reason: string }
  /** The create may or may not have worked: look until it is known. */
  | { readonly action: "block-until-known"; readonly afterMs: number; readonly reason: string };

const longestWaitMs = 5 * 60_000;
/** A rule of the user's own repeats for as long as money and time allow, but not in a tight circle. */
const ruleWaitMs = 5_000;

/**
 * What to do after a failure, from one table by kind and the job's own retry rules. Pure: no clock, no randomness, so
 * the caller spreads waits of many runs. A failed or unclear release and an unclear create block everything else.
 */
export function decideAfterFailure(
  failure: Failure,
  situation: FailureSituation,
): FailoverDecision {
  const rule = ruleFor(failure);
  switch (rule.do) {
    case "retry-call":
      return decideRetry(failure, situation, rule);
    case "next-offer":
      return nextOffer(failure, situation, rule.avoid);
    case "ask-for-credentials":
      return situation.mayHoldLease
        ? { action: "wait-for-credentials", reason: say(failure, "Waiting for credentials.") }
        : nextOffer(failure, situation, rule.avoid);
    case "block":
      return decideBlock(failure, situation, rule);
    case "interruption":
      return decideInterruption(failure, situation, rule.avoid);
    case "job":
      return decideJobFailure(failure, situation, rule.follows);
    case "give-up":
      return giveUp(failure, situation);
    default:
      return assertNever(rule);
  }
}

/**
 * Whatever hinders a release is a release that is not confirmed, except missing credentials, which only the user can
 * bring. An answer to a create that breaks the contract leaves its outcome open.
 */
function ruleFor({ kind, operation }: Failure): FailureRule {
  const rule: FailureRule = failureRules[kind];
  if (operation === "releaseLease" && rule.do !== "ask-for-credentials" && kind !== "aborted") {
    return failureRules.release_failed;
  }
  if (operation === "createLease" && kind === "contract_violation") {
    return failureRules.outcome_unknown;
  }
  return rule;
}

function decideRetry(
  failure: Failure,
  situation: FailureSituation,
  rule: FailureRule & { readonly do: "retry-call" },
): FailoverDecision {
  const tries = situation.calls + 1;
  const afterMs = waitFor(failure, rule.waitMs, situation.calls);
  if (tries < rule.tries) {
    const reason = say(failure, `Try ${tries + 1} of ${rule.tries} follows.`);
    return { action: "retry-call", afterMs, reason };
  }
  if (failure.kind === "download_failed") return giveUp(failure, situation);
  // A platform that cannot be asked about a machine is no reason to leave the machine.
  if (situation.mayHoldLease && failure.operation !== "createLease") {
    return {
      action: "retry-call",
      afterMs,
      reason: say(failure, "Asking again until it answers."),
    };
  }
  return nextOffer(failure, situation, rule.avoid);
}

/** Doubles from the first wait, never shorter than what the platform asked for, never longer than five minutes. */
function waitFor(failure: Failure, firstMs: number, before: number): number {
  const grown = firstMs * 2 ** Math.min(before, 20);
  return Math.min(longestWaitMs, Math.max(grown, failure.retryAfterMs ?? 0));
}

function nextOffer(failure: Failure, situation: FailureSituation, avoid: Avoid): FailoverDecision {
  return {
    action: "next-offer",
    ...exclusionFor(failure, situation, avoid),
    reason: say(failure, "Trying the next offer."),
  };
}

function exclusionFor(
  failure: Failure,
  { offer, nowMs }: FailureSituation,
  avoid: Avoid,
): { readonly exclusion?: Exclusion } {
  if (offer === undefined) return {};
  const said =
    failure.scope === undefined || failure.scope === "call" ? avoid.scope : failure.scope;
  const untilMs = nowMs + avoidFor(failure, avoid);
  const exclusion = makeExclusion({ message: failure.message, scope: said }, offer, untilMs);
  return exclusion === undefined ? {} : { exclusion };
}

/** A platform that says when it may be asked again is believed; what else went wrong lasts at least its usual time. */
function avoidFor({ kind, retryAfterMs }: Failure, { forMs }: Avoid): number {
  if (retryAfterMs === undefined) return forMs;
  return kind === "rate_limited"
    ? Math.min(longestWaitMs, retryAfterMs)
    : Math.max(forMs, retryAfterMs);
}

function decideBlock(
  failure: Failure,
  situation: FailureSituation,
  rule: FailureRule & { readonly do: "block" },
): FailoverDecision {
  const afterMs = waitFor(failure, rule.waitMs, situation.calls);
  return rule.until === "released"
    ? {
        action: "block-until-released",
        afterMs,
        reason: say(failure, "Nothing else starts before the release is confirmed."),
      }
    : {
        action: "block-until-known",
        afterMs,
        reason: say(failure, "Nothing else starts before it is known whether a machine was made."),
      };
}

function decideInterruption(
  failure: Failure,
  situation: FailureSituation,
  avoid: Avoid,
): FailoverDecision {
  if (!situation.isJobStarted) return nextOffer(failure, situation, avoid);
  const allowed = situation.job.retry.interruptions;
  const number = situation.interruptions + 1;
  if (number > allowed) {
    return {
      action: "give-up",
      exitCode: exitCodeOf("interrupted_too_often"),
      reason: say(failure, `That is interruption ${number}; ${allowed} are allowed.`),
    };
  }
  return {
    action: "retry-job",
    counts: "interruption",
    afterMs: 0,
    ...exclusionFor(failure, situation, avoid),
    reason: say(failure, `Interruption ${number} of at most ${allowed}: going on elsewhere.`),
  };
}

function decideJobFailure(
  failure: Failure,
  situation: FailureSituation,
  follows: readonly ("code" | "failures")[],
): FailoverDecision {
  const rule = follows.includes("code") ? findRetryRule(situation) : undefined;
  if (rule?.action === "fail") return giveUp(failure, situation);
  if (rule !== undefined) {
    const { gpu } = situation.offer ?? {};
    const again = `retry.rules asks for another try after code ${situation.exitCode}`;
    const on =
      rule.gpu === undefined
        ? ""
        : ` on a card with more than the ${gpu?.vramGib} GiB of ${gpu?.model}`;
    return {
      action: "retry-job",
      counts: "nothing",
      afterMs: ruleWaitMs,
      ...(rule.gpu === undefined ? {} : { gpu: rule.gpu }),
      reason: say(failure, `${again}${on}.`),
    };
  }
  const left = situation.job.retry.failures - situation.failures;
  if (!follows.includes("failures") || left <= 0) return giveUp(failure, situation);
  const afterMs = Math.min(longestWaitMs, 1_000 * 2 ** Math.min(situation.failures, 20));
  const next = `retry.failures allows ${left} more ${left === 1 ? "try" : "tries"}.`;
  const reason = say(failure, next);
  return { action: "retry-job", counts: "failure", afterMs, reason };
}

/** The first rule that matches all that it names: the code, and that memory ran out. */
function findRetryRule({ job, offer, ...end }: FailureSituation): RetryRule | undefined {
  const { exitCode, ranOut } = end;
  return job.retry.rules.find(({ exitCode: named, on, gpu }) => {
    if (on === "oom" && ranOut === undefined) return false;
    // A larger card is no help where the machine's own memory ran out, nor where there was none.
    if (gpu === "larger" && (ranOut === "machine" || offer?.gpu === undefined)) return false;
    if (named === undefined) return true;
    if (exitCode === undefined) return false;
    return typeof named === "number" ? named === exitCode : named.includes(exitCode);
  });
}

/** The job's own code passes through where the job ended by itself. */
function giveUp(failure: Failure, { exitCode }: FailureSituation): FailoverDecision {
  const rule: FailureRule = failureRules[failure.kind];
  const isOwn = rule.do === "job" && failure.kind !== "setup_failed" && failure.kind !== "stalled";
  const code =
    isOwn && exitCode !== undefined && exitCode !== 0 ? exitCode : exitCodeOf(failure.kind);
  return { action: "give-up", exitCode: code, reason: say(failure) };
}

function say({ message }: Failure, next?: string): string {
  if (next === undefined) return message;
  // Some messages are a platform's own words, which need not end as a sentence does.
  return `${/[.!?。！？]$/u.test(message) ? message : `${message}.`} ${next}`;
}
