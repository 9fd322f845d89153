import type { JobSpec } from "@gpujob/spec";
import { formatMoment, GpujobError, resolveMoment } from "@gpujob/spec";

/**
 * A job whose `startAt` and `deadline` are points in time, ISO-8601 UTC: a time of day is the next one, of a deadline the
 * next one after the start. Throws `spec_invalid` for what is past or comes in the wrong order.
 */
export function settleMoments(job: JobSpec, nowMs: number): JobSpec {
  const startMs = job.startAt === undefined ? nowMs : resolveMoment(job.startAt, nowMs);
  if (startMs < nowMs) {
    throw new GpujobError("spec_invalid", `startAt is over: ${formatMoment(startMs, nowMs)}.`, {
      hint: "Name a later time, or leave startAt out to begin at once.",
    });
  }
  const deadlineMs = job.deadline === undefined ? undefined : resolveMoment(job.deadline, startMs);
  if (deadlineMs !== undefined && deadlineMs <= startMs) {
    const what =
      job.startAt === undefined ? "over" : `not after startAt, ${formatMoment(startMs, nowMs)}`;
    throw new GpujobError(
      "spec_invalid",
      `deadline is ${what}: ${formatMoment(deadlineMs, nowMs)}.`,
      { hint: "Name a later time." },
    );
  }
  return {
    ...job,
    ...(job.startAt === undefined ? {} : { startAt: new Date(startMs).toISOString() }),
    ...(deadlineMs === undefined ? {} : { deadline: new Date(deadlineMs).toISOString() }),
  };
}

/** What `plan` says of it. */
export function sayMoments({ startAt, deadline }: JobSpec, nowMs: number): readonly string[] {
  return [
    ...(startAt === undefined ? [] : [`starts at ${formatMoment(Date.parse(startAt), nowMs)}`]),
    ...(deadline === undefined ? [] : [`deadline ${formatMoment(Date.parse(deadline), nowMs)}`]),
  ];
}

/** The job of an earlier run, to be begun now. Throws `usage` when its deadline is over. */
export function beginNow(
  { startAt: _start, ...job }: JobSpec,
  runId: string,
  nowMs: number,
): JobSpec {
  const deadlineMs = job.deadline === undefined ? undefined : Date.parse(job.deadline);
  if (deadlineMs === undefined || deadlineMs > nowMs) return job;
  throw new GpujobError(
    "usage",
    `The deadline of ${runId} is over: ${formatMoment(deadlineMs, nowMs)}.`,
    { hint: `Submit its file with a later one: gpujob submit FILE --from ${runId}` },
  );
}
