import type { Failure } from "@gpujob/spec";
import type { Attempt, AttemptEnd, Candidate, Member, StopCause } from "./context.ts";
import { afterFailure } from "./after-failure.ts";
import type { Draft } from "./draft.ts";
import {
  ask,
  attemptOf,
  cancel,
  clear,
  findAttempt,
  update,
  updateAttempt,
  updateMember,
} from "./draft.ts";
import { makeLeaseKey } from "./lease-key.ts";
import { firstUsable, isFresh, nextCandidate, usable } from "./candidates.ts";
import { chooseHedge, isCheapExtra, termsOf } from "./extra-cost.ts";
import { planLater, spareWish } from "./replan.ts";
import type { SpareWish } from "./replan.ts";
import { isEnding, mayExist, mayStart } from "./status.ts";
import { armBudget, armTimeLimit } from "./limits.ts";

/** Rents the next placement: one lease per member, journaled before any of them is asked for. */
export function beginAttempt(draft: Draft, candidate: Candidate, role: "current" | "spare"): void {
  const { submission, context, at } = draft;
  const number = context.attempts.length + 1;
  const members = Array.from({ length: submission.job.resources.nodes }, (_, member): Member => {
    const leaseKey = makeLeaseKey(submission.installation, submission.runId, number, member);
    return { member, leaseKey, state: "intended", intendedAt: at };
  });
  const attempt: Attempt = {
    number,
    candidate,
    phase: "acquiring",
    members,
    startedAt: at,
    ...(role === "spare" ? { isExtra: true } : {}),
    ...(context.larger === undefined ? {} : { largerThan: context.larger.attempt }),
  };
  update(draft, { attempts: [...context.attempts, attempt] });
  update(draft, role === "spare" ? { spare: number } : { current: number });
  for (const member of members)
    ask(draft, { kind: "create-lease", attempt: number, member: member.member });
  armTimeLimit(draft);
  armBudget(draft);
  if (role === "current") beginHedge(draft);
}

/**
 * `hedge`: asks a second offer of the same plan beside the one that counts, before either is ready. What follows is that of
 * any extra placement.
 */
export function beginHedge(draft: Draft): void {
  const { context, at } = draft;
  if (spareWish(draft) !== "hedge" || context.spare !== undefined || !isFresh(draft)) return;
  const { number, candidate } = attemptOf(context, context.current);
  const hedge = chooseHedge(termsOf(draft), candidate, usable(context, at));
  if (hedge.kind === "none") return;
  updateAttempt(draft, number, { isHedge: true });
  beginAttempt(draft, hedge.partner, "spare");
  updateAttempt(draft, draft.context.attempts.length, { isHedge: true });
}

/** Takes the next ranked offer, or asks for a new plan when the last one is used up or old. */
export function beginNext(draft: Draft): void {
  const candidate = nextCandidate(draft);
  if (candidate === undefined) {
    update(draft, { planning: "next" });
    ask(draft, { kind: "plan" });
  } else {
    beginAttempt(draft, candidate, "current");
  }
}

/** Rents one extra placement early, to be ready when the proof comes; at most one at a time. */
export function beginSpare(draft: Draft): void {
  const { context } = draft;
  if (context.spare !== undefined || context.planning !== undefined) return;
  const wish = spareWish(draft);
  // A hedge is of one plan, or none.
  if (wish === undefined || wish === "hedge") return;
  update(draft, { planning: "spare" });
  ask(draft, { kind: "plan" });
}

/** Gives the extra placement back: the old one goes on, or the run ends. */
export function dropSpare(draft: Draft, reason: string): void {
  const { context } = draft;
  if (context.planning === "spare") {
    clear(draft, "planning");
    cancel(draft, { kind: "plan" });
  }
  if (context.spare === undefined) return;
  const number = context.spare;
  clear(draft, "spare");
  releaseAttempt(draft, number, { next: "none", reason });
}

/** An extra placement that did not work out is followed by the next best one, as long as one is of use. */
function replaceSpare(draft: Draft, failed: Attempt): void {
  const wish = spareWish(draft);
  // A slow boot is worth one second machine, not one after the other; and so is a hedge.
  if (wish === undefined || (wish !== "lost" && wasRented(failed))) return;
  if (wish === "hedge") return beginHedge(draft);
  rentSpare(
    draft,
    wish,
    nextCandidate(draft, (each) => wish === "lost" || isCheapExtra(draft, each)),
  );
}

/** Was there ever a machine of this attempt? */
export function wasRented({ members }: Attempt): boolean {
  return members.some(({ leaseId }) => leaseId !== undefined);
}

/** Rents the extra placement that a plan just made allows, if one is still wanted. */
export function beginPlannedSpare(draft: Draft): void {
  const wish = spareWish(draft);
  if (wish === undefined || wish === "hedge") return;
  const isFit = (each: Candidate): boolean => wish === "lost" || isCheapExtra(draft, each);
  rentSpare(draft, wish, firstUsable(draft.context, draft.at, isFit));
}

function rentSpare(draft: Draft, wish: SpareWish, candidate: Candidate | undefined): void {
  if (candidate !== undefined) return beginAttempt(draft, candidate, "spare");
  if (wish === "lost") planLater(draft);
}

/** The extra placement is ready before the machine that counts, which boots longer than usual: they change places. */
export function preferSpare(draft: Draft, number: number): void {
  const { current } = draft.context;
  clear(draft, "spare");
  update(draft, { current: number });
  const reason = `Attempt ${number}, begun later, was ready sooner.`;
  releaseAttempt(draft, current, { next: "none", reason });
}

/** The attempt has failed, at whatever stage: decides what follows and lets its machines go. */
export function failAttempt(draft: Draft, number: number, failure: Failure): void {
  const attempt = attemptOf(draft.context, number);
  if (isEnding(attempt)) return;
  if (number === draft.context.spare) {
    afterFailure(draft, attempt, failure, "spare");
    clear(draft, "spare");
    releaseAttempt(draft, number, { next: "none", reason: failure.message, failure });
    return replaceSpare(draft, attempt);
  }
  releaseAttempt(draft, number, afterFailure(draft, attempt, failure, "current"));
}

/** Ends all work on an attempt and asks for the release of whatever may exist. */
export function releaseAttempt(draft: Draft, number: number, end: AttemptEnd): void {
  const attempt = updateAttempt(draft, number, { phase: "releasing", end });
  cancelWork(draft, attempt);
  for (const member of attempt.members) {
    if (!mayExist(member)) continue;
    if (attempt.isStartAsked !== true) {
      updateMember(draft, number, member.member, { fence: { by: "never-started", at: draft.at } });
    }
    // An unclear or pending create goes on until its outcome is known; only then can it be released.
    if (member.state === "intended" || member.state === "unclear") continue;
    updateMember(draft, number, member.member, { state: "releasing" });
    ask(draft, { kind: "release-lease", attempt: number, member: member.member });
  }
  armBudget(draft);
}

/** Takes back everything that was asked for the attempt, but creates in doubt and releases. */
export function cancelWork(draft: Draft, attempt: Attempt): void {
  const { number } = attempt;
  for (const { member } of attempt.members) {
    cancel(draft, { kind: "await-node", attempt: number, member });
    cancel(draft, { kind: "prepare-host", attempt: number, member });
    cancel(draft, { kind: "start-job", attempt: number, member });
    cancel(draft, { kind: "proceed-job", attempt: number, member });
    cancel(draft, { kind: "watch-job", attempt: number, member });
    cancel(draft, { kind: "stop-job", attempt: number, member, graceMs: 0, reason: "stopped" });
    cancel(draft, { kind: "extend-lease", attempt: number, member });
    cancel(draft, { kind: "timer", timer: "tether", attempt: number, member });
    cancel(draft, { kind: "timer", timer: "unreachable", attempt: number, member });
  }
  cancel(draft, { kind: "take-checkpoints", attempt: number });
  cancel(draft, { kind: "collect-outputs", attempt: number });
  cancel(draft, { kind: "timer", timer: "hold", attempt: number });
  cancel(draft, { kind: "timer", timer: "keep", attempt: number });
  cancel(draft, { kind: "timer", timer: "slow-boot", attempt: number });
}

/** Starts the job where everything is prepared and nothing older can still run. */
export function startWhenAllowed(draft: Draft): void {
  const { context } = draft;
  const attempt = findAttempt(context, context.current);
  if (attempt === undefined || attempt.phase !== "standby" || context.wish !== undefined) return;
  if (!mayStart(context, attempt.number)) return;
  updateAttempt(draft, attempt.number, { phase: "preparing", isStartAsked: true });
  for (const { member } of attempt.members)
    ask(draft, { kind: "start-job", attempt: attempt.number, member });
}

/** Asks every member that still runs to save and stop. */
export function stopJob(draft: Draft, number: number, cause: StopCause, graceMs: number): void {
  const attempt = attemptOf(draft.context, number);
  if (attempt.stopping !== undefined) return;
  updateAttempt(draft, number, { stopping: cause });
  askStop(draft, attempt, cause, graceMs);
}

/** Tells every node of a job that is being stopped. */
export function askStop(draft: Draft, attempt: Attempt, cause: StopCause, graceMs: number): void {
  const { number } = attempt;
  for (const member of attempt.members) {
    if (member.exit !== undefined) continue;
    ask(draft, {
      kind: "stop-job",
      attempt: number,
      member: member.member,
      graceMs,
      reason: cause.kind === "time" ? "time-limit" : "stopped",
    });
  }
}
