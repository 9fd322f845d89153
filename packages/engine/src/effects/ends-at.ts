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
  const { timeLimitAt } = session.snapshot().context;
  const last = (timeLimitAt ?? now + job.limits.timeMs) + graceMs + job.limits.holdMs + slackMs;
  return Math.min(now + alone, Math.max(last, now + leastAheadMs));
}
