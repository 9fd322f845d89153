import type { Attempt, Member, RunContext } from "./context.ts";
import { findAttempt } from "./draft.ts";

/** States of the run machine; see `machine.ts` for the ways between them. */
export const runPhases = [
  "planning",
  "queued",
  "acquiring",
  "booting",
  "preparing",
  "running",
  "collecting",
  "holding",
  "releasing",
  "settled",
] as const;
export type RunPhase = (typeof runPhases)[number];

/** May the member's lease exist, or is that disproved? */
export function mayExist(member: Member): boolean {
  return !["gone", "never", "vouched", "given"].includes(member.state);
}

/** Can the member's job not be running any more, nor ever start? */
function isFenced(member: Member): boolean {
  return !mayExist(member) || member.fence !== undefined;
}

/** Is nothing left to be done about the member before its attempt may close? Only an API bill needs proof of absence. */
function isDone(attempt: Attempt, member: Member): boolean {
  if (!mayExist(member)) return true;
  return attempt.candidate.capabilities.release !== "api" && member.fence !== undefined;
}

/**
 * Is our part still to be done on a machine that no API ends? Bounded in time: one that cannot be reached is given up. What
 * was asked for and may bill is waited for: nobody would be told of it.
 */
function isBeingGivenBack(attempt: Attempt, member: Member): boolean {
  const { release } = attempt.candidate.capabilities;
  const isAskedFor = member.state === "intended" || member.state === "unclear";
  if (release === "by-hand" && isAskedFor) return true;
  return release !== "api" && member.state === "releasing" && member.isGivenBack !== true;
}

/** May the run be called over, as far as its attempts go? */
export function mayCallOver(context: RunContext): boolean {
  return context.attempts.every(
    (attempt) =>
      (attempt.phase === "closed" || isEveryMemberDone(attempt)) &&
      !attempt.members.some((member) => isBeingGivenBack(attempt, member)),
  );
}

export function isEveryMemberDone(attempt: Attempt): boolean {
  return attempt.members.every((member) => isDone(attempt, member));
}

/** May the job of this attempt start: is every earlier one proven unable to run? */
export function mayStart(context: RunContext, number: number): boolean {
  return context.attempts
    .slice(0, number - 1)
    .every((attempt) => attempt.members.every((member) => isFenced(member)));
}

/** Where the run is, derived from its attempts. */
export function phaseOf(context: RunContext): RunPhase {
  if (context.isSettled === true) return "settled";
  const attempt = findAttempt(context, context.current);
  if (attempt === undefined || attempt.phase === "closed") {
    if (context.isQueued === true) return "queued";
    return context.outcome === undefined ? "planning" : "releasing";
  }
  return attempt.phase === "standby" ? "preparing" : attempt.phase;
}

/** Is the attempt on its way out? */
export function isEnding(attempt: Attempt): boolean {
  return attempt.phase === "releasing" || attempt.phase === "closed";
}
