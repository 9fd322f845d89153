import { GpujobError } from "@gpujob/spec";
import type { Attempt, Member, RunContext, Submission } from "./context.ts";
import type { Effect, PlannedEffect } from "./effects.ts";
import { effectKey } from "./effects.ts";

/** A decision in the making: the context as it becomes, and what is asked of the driver. */
export interface Draft {
  readonly submission: Submission;
  /** Epoch milliseconds of the event. */
  readonly at: number;
  context: RunContext;
  readonly effects: Map<string, PlannedEffect>;
  readonly cancelled: Set<string>;
}

export function createDraft(context: RunContext, submission: Submission, at: number): Draft {
  return { submission, at, context, effects: new Map(), cancelled: new Set() };
}

export function update(draft: Draft, patch: Partial<RunContext>): void {
  draft.context = { ...draft.context, ...patch };
}

type OptionalKey =
  | "spare"
  | "outcome"
  | "plannedAt"
  | "planning"
  | "queuedUntil"
  | "queuedSince"
  | "isQueued"
  | "unsaved"
  | "fruitlessPlans"
  | "timeLimitAt"
  | "timeLeftMs";

/** Removes optional fields, which a patch can't say with `undefined`. */
export function clear(draft: Draft, ...names: readonly OptionalKey[]): void {
  const context = { ...draft.context };
  for (const name of names) delete context[name];
  draft.context = context;
}

export function findAttempt(context: RunContext, number: number): Attempt | undefined {
  return context.attempts[number - 1];
}

export function attemptOf(context: RunContext, number: number): Attempt {
  const attempt = findAttempt(context, number);
  if (attempt === undefined)
    throw new GpujobError("internal", `There is no attempt ${number} in this run.`);
  return attempt;
}

export function memberOf(attempt: Attempt, index: number): Member {
  const member = attempt.members[index];
  if (member === undefined)
    throw new GpujobError("internal", `Attempt ${attempt.number} has no member ${index}.`);
  return member;
}

export function updateAttempt(draft: Draft, number: number, patch: Partial<Attempt>): Attempt {
  const attempt = { ...attemptOf(draft.context, number), ...patch };
  update(draft, { attempts: draft.context.attempts.with(number - 1, attempt) });
  return attempt;
}

export function updateMember(
  draft: Draft,
  number: number,
  index: number,
  patch: Partial<Member>,
): Attempt {
  const attempt = attemptOf(draft.context, number);
  const member = { ...memberOf(attempt, index), ...patch };
  return updateAttempt(draft, number, { members: attempt.members.with(index, member) });
}

/** Nothing is heard of the member's silence any more. */
export function clearSilence(draft: Draft, number: number, index: number): void {
  const attempt = attemptOf(draft.context, number);
  const {
    silentSince: _since,
    tetherEndsAt: _ends,
    isCheckpointFresh: _fresh,
    ...member
  } = memberOf(attempt, index);
  updateAttempt(draft, number, { members: attempt.members.with(index, member) });
}

/** Asks for an effect; one with the same key is replaced. */
export function ask(draft: Draft, effect: Effect, dueAt: number = draft.at): void {
  const key = effectKey(effect);
  draft.cancelled.delete(key);
  draft.effects.set(key, { key, effect, dueAt });
}

/** Takes back an effect that no longer matters. */
export function cancel(draft: Draft, effect: Effect): void {
  const key = effectKey(effect);
  draft.effects.delete(key);
  draft.cancelled.add(key);
}
