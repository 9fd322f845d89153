import { formatDuration } from "@gpujob/spec";

/** A time that has passed, such as `12s ago`, in whole seconds; the exact time stays in the JSON. */
export function formatAge(at: string, now: number): string {
  return `${formatPast(now - Date.parse(at))} ago`;
}

/** A time at which an offer was seen; marked where its platform does not answer any more. */
export function formatSeen(pastMs: number, isStale: boolean): string {
  return `${formatPast(pastMs)} ago${isStale ? ", stale" : ""}`;
}

const dayMs = 86_400_000;

/** How long something lies behind, in milliseconds: of what is days old nobody asks the minutes. */
function formatPast(ms: number): string {
  return ms < 2 * dayMs ? formatSeconds(ms) : `${Math.floor(ms / dayMs)}d`;
}

/** A length of time in milliseconds, cut to whole seconds. */
export function formatSeconds(ms: number): string {
  return formatDuration(Math.floor(Math.max(0, ms) / 1000) * 1000);
}
