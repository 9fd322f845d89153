import { convertMoney } from "@gpujob/catalog";
import { spendingPerHour } from "@gpujob/scheduler";
import type { JobSpec } from "@gpujob/spec";
import { chargesOf, inRun, useOf } from "./charges.ts";
import type { Attempt, Member, RunContext, Submission } from "./context.ts";
import type { Draft } from "./draft.ts";
import { ask, cancel, clear, update } from "./draft.ts";
import { deadlineOf } from "./appointment.ts";
import { mayExist } from "./status.ts";

const hourMs = 3_600_000;
/** Kept back from the budget, beside the grace, so that outputs can still be fetched. */
const collectReserveMs = 60_000;

/**
 * Starts the clock of `limits.time` with the first attempt, and again after a wait for stock. A deadline ends it sooner: so
 * the host knows it too, and keeps it alone.
 */
export function armTimeLimit(draft: Draft): void {
  const { context, submission, at } = draft;
  if (context.timeLimitAt !== undefined) return;
  const limitAt = at + (context.timeLeftMs ?? submission.job.limits.timeMs);
  const timeLimitAt = Math.min(limitAt, deadlineOf(submission) ?? limitAt);
  clear(draft, "timeLeftMs");
  update(draft, { timeLimitAt });
  ask(draft, { kind: "timer", timer: "time-limit" }, timeLimitAt);
}

/** Stops the clock of `limits.time`: waiting for stock counts nowhere. */
export function suspendTimeLimit(draft: Draft): void {
  const { timeLimitAt } = draft.context;
  if (timeLimitAt === undefined) return;
  clear(draft, "timeLimitAt");
  update(draft, { timeLeftMs: Math.max(0, timeLimitAt - draft.at) });
  cancel(draft, { kind: "timer", timer: "time-limit" });
}

/** What one member has cost until `at`, in micros of the run's currency, by the same rule as the ledger. */
export function memberCostMicros(
  submission: Submission,
  attempt: Attempt,
  member: Member,
  at: number,
): number {
  return chargesOf(submission, attempt, member, member.billedTo ?? at)
    .map(({ amount }) => amount.micros)
    .reduce((sum, micros) => sum + micros, 0);
}

export function costMicros(context: RunContext, submission: Submission, at: number): number {
  return context.attempts
    .flatMap((attempt) =>
      attempt.members.map((member) => memberCostMicros(submission, attempt, member, at)),
    )
    .reduce((sum, micros) => sum + micros, 0);
}

/** A run at a time in epoch milliseconds. */
type Moment = Pick<Draft, "context" | "submission" | "at">;

/** When `limits.budget` stops the job if nothing changes; `undefined` without one, or while nothing bills. */
export function budgetStopAt(now: Moment): number | undefined {
  const { context, submission } = now;
  const limit = budgetMicros(submission);
  return limit === undefined
    ? undefined
    : whenCostReaches(now, limit - reserveMicros(context, submission));
}

/** What the budget leaves for work; `undefined` without one. */
export function budgetLeftMicros({ context, submission, at }: Moment): number | undefined {
  const limit = budgetMicros(submission);
  if (limit === undefined) return undefined;
  return limit - reserveMicros(context, submission) - costMicros(context, submission, at);
}

function budgetMicros({ job, currency, rates }: Submission): number | undefined {
  const { budget } = job.limits;
  return budget === undefined ? undefined : convertMoney(budget, currency, rates).micros;
}

/** The first moment at which the cost reaches `target`; `undefined` while nothing bills. */
function whenCostReaches(now: Moment, target: number): number | undefined {
  const { context, submission, at } = now;
  const rate = ratePerHourMicros(context, submission);
  if (rate === 0) return undefined;
  const spent = costMicros(context, submission, at);
  return at + Math.max(0, Math.floor(((target - spent) / rate) * hourMs));
}

/** Sets the timers of `limits.budget` anew; called whenever a machine begins or ends to bill. */
export function armBudget(draft: Draft): void {
  const { submission, context } = draft;
  const limit = budgetMicros(submission);
  if (limit === undefined) return;
  const stopAt = budgetStopAt(draft);
  const warnAt = whenCostReaches(draft, Math.floor(limit * 0.8));
  if (stopAt === undefined) cancel(draft, { kind: "timer", timer: "budget" });
  else ask(draft, { kind: "timer", timer: "budget" }, stopAt);
  if (warnAt !== undefined && context.isBudgetWarned !== true) {
    ask(draft, { kind: "timer", timer: "budget-warning" }, warnAt);
  }
}

/** What grace and collection will cost after the stop. */
function reserveMicros(context: RunContext, submission: Submission): number {
  const graceMs = submission.job.checkpoint?.graceMs ?? defaultGraceMs;
  return Math.ceil(
    (ratePerHourMicros(context, submission) * (graceMs + collectReserveMs)) / hourMs,
  );
}

function ratePerHourMicros(context: RunContext, submission: Submission): number {
  let rate = 0;
  for (const attempt of context.attempts) {
    for (const member of attempt.members) {
      if (member.billedFrom === undefined || member.billedTo !== undefined || !mayExist(member))
        continue;
      const use = useOf(submission, attempt, member);
      const { price } = attempt.candidate.offer;
      rate += spendingPerHour(price, use, (money) => inRun(submission, money));
    }
  }
  return rate;
}

/** So much longer than its boot a machine may take until it is ready, where it is measured before, in milliseconds. */
export function probeAllowanceMs({ probe }: Pick<JobSpec, "probe">): number {
  return probe === undefined ? 0 : 240_000;
}

/** Between the stop signal and the kill, where the job file says nothing. */
export const defaultGraceMs = 30_000;

/** Between the stop signal and the kill of this run's job, in milliseconds. */
export function graceOf({ submission }: Draft): number {
  return submission.job.checkpoint?.graceMs ?? defaultGraceMs;
}
