import type { JobSpec } from "@gpujob/spec";
import { formatDuration, formatMoment } from "@gpujob/spec";
import type { Attempt, RunContext, Submission } from "./context.ts";
import type { Draft } from "./draft.ts";
import { ask, update } from "./draft.ts";

/** When the run may begin; `undefined`: at once. Epoch milliseconds. */
function startOf({ job }: Pick<Submission, "job">): number | undefined {
  return job.startAt === undefined ? undefined : Date.parse(job.startAt);
}

/** When the job must be done; epoch milliseconds. */
export function deadlineOf({ job }: Pick<Submission, "job">): number | undefined {
  return job.deadline === undefined ? undefined : Date.parse(job.deadline);
}

/** Is the time at which the run may begin still to come? */
export function mustWait({ submission, at }: Draft): boolean {
  const startAt = startOf(submission);
  return startAt !== undefined && at < startAt;
}

/** Nothing is planned, rented or counted until then. */
export function waitForStart(draft: Draft): void {
  update(draft, { isQueued: true });
  ask(draft, { kind: "timer", timer: "start" }, startOf(draft.submission) ?? draft.at);
}

/**
 * So much of a wait for stock is of use, in milliseconds: later nothing could be done in time any more. `undefined` stays
 * what it is: not at all.
 */
export function untilTooLate(
  { submission, context, at }: Draft,
  waitMs: number | undefined,
): number | undefined {
  const deadlineAt = deadlineOf(submission);
  if (deadlineAt === undefined || waitMs === undefined) return waitMs;
  const { expectedTimeMs } = withWorkLeft(submission.job, context.attempts);
  return Math.min(waitMs, Math.max(0, deadlineAt - expectedTimeMs - at));
}

/** What is left of a job with a deadline that was interrupted: less than all of it may still be done in time. */
export function withWorkLeft(job: JobSpec, attempts: readonly Attempt[]): JobSpec {
  if (job.deadline === undefined) return job;
  const doneMs = attempts.reduce(
    (sum, { saved, jobStartedAt }) =>
      saved === undefined || jobStartedAt === undefined ? sum : sum + saved.at - jobStartedAt,
    0,
  );
  return doneMs <= 0 ? job : { ...job, expectedTimeMs: Math.max(0, job.expectedTimeMs - doneMs) };
}

/** Was the limit of the run's time its deadline? */
export function isEndedByDeadline(submission: Submission, { timeLimitAt }: RunContext): boolean {
  return timeLimitAt !== undefined && timeLimitAt === deadlineOf(submission);
}

/** The deadline for people, such as `2026-12-01 02:00Z`. */
export function sayDeadline(submission: Submission): string {
  return new Date(deadlineOf(submission) ?? 0).toISOString().slice(0, 16).replace("T", " ") + "Z";
}

/** What a run waits for that has not begun; `null` for all others. */
export function sayStart(submission: Submission, context: RunContext, now: number): string | null {
  const startAt = startOf(submission);
  const isWaiting = context.isQueued === true && context.plannedAt === undefined;
  return startAt === undefined || !isWaiting ? null : `Starts at ${formatMoment(startAt, now)}.`;
}

/** A warning while a job runs that, by its expected time, is not done by its deadline. */
export function sayLate(
  submission: Submission,
  context: RunContext,
  now: number,
): readonly string[] {
  const deadlineAt = deadlineOf(submission);
  const attempt = context.attempts[context.current - 1];
  if (deadlineAt === undefined || attempt?.phase !== "running") return [];
  if (attempt.jobStartedAt === undefined) return [];
  const before = context.attempts.slice(0, context.current - 1);
  const { expectedTimeMs } = withWorkLeft(submission.job, attempt.isResumed === true ? before : []);
  const doneAt = Math.max(now, attempt.jobStartedAt + expectedTimeMs);
  if (doneAt <= deadlineAt) return [];
  const late = formatDuration(doneAt - deadlineAt);
  return [
    `By its expectedTime it is done ${late} after its deadline of ${formatMoment(deadlineAt, now)}; then it is stopped and saved.`,
  ];
}
