import type { EnginePlatform } from "../driver/ports.ts";
import type { RunSession } from "../driver/run-session.ts";
import { defaultGraceMs } from "../core/limits.ts";

/** Platforms want their end timer at least this far ahead (the longest known is 30 min), with room to move it. */
const leastAheadMs = 3_600_000;
const slackMs = 600_000;

/** How long a host goes on with no driver at all before it saves and ends. */
export function orphanMs(session: RunSession, target: EnginePlatform): number {
  return target.timeouts.orphanMs ?? session.submission.job.limits.timeMs;
}

/** When the platform should end the machine by itself if nobody moves the timer again, epoch milliseconds. */
export function endsAt(session: RunSession, target: EnginePlatform): number {
  const { job } = session.submission;
  const now = session.ports.clock.now();
  const graceMs = job.checkpoint?.graceMs ?? defaultGraceMs;
  const alone = Math.max(leastAheadMs, orphanMs(session, target) + graceMs + slackMs);
  return Math.min(now + alone, Math.max(lastUse(session), now + leastAheadMs));
}

/** After this a machine of the run has no reason to exist, whatever happened; goes into its tag, which never changes. */
export function lastUse(session: RunSession): number {
  const { job } = session.submission;
  const graceMs = job.checkpoint?.graceMs ?? defaultGraceMs;
  const { timeLimitAt } = session.snapshot().context;
  const limit = timeLimitAt ?? session.ports.clock.now() + job.limits.timeMs;
  return limit + graceMs + job.limits.holdMs + slackMs;
}
