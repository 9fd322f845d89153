import { formatDuration, formatMoment, type JobSpec, type Offer } from "@gpujob/spec";
import { expectTimes, secondsUntilDone, type TimeContext } from "./expected-times.ts";
import type { Miss } from "./miss.ts";

/** What the deadline is held against. */
export interface DeadlineContext extends TimeContext {
  /** Epoch milliseconds; absent: the deadline is not looked at. */
  readonly nowMs?: number;
}

/** Refuses offers on which the job could not be done in time: by its expected time, the boot, the upload and re-runs. */
export function compileDeadlineCheck(
  job: JobSpec,
  context: DeadlineContext,
): ((offer: Offer) => Miss | undefined) | undefined {
  const { nowMs } = context;
  if (job.deadline === undefined || nowMs === undefined) return undefined;
  const deadlineMs = Date.parse(job.deadline);
  return (offer) => {
    const lateMs = nowMs + secondsUntilDone(expectTimes(job, offer, context)) * 1000 - deadlineMs;
    if (lateMs <= 0) return undefined;
    return {
      key: "deadline",
      text: `would be done ${formatDuration(lateMs)} after the deadline of ${formatMoment(deadlineMs, nowMs)}`,
    };
  };
}
