import { formatDuration } from "@gpujob/spec";

/** A time that has passed, such as `12s ago`, in whole seconds; the exact time stays in the JSON. */
export function formatAge(at: string, now: number): string {
  return `${formatPast(now - Date.parse(at))} ago`;
}

const dayMs = 86_400_000;

/** How long something lies behind, in milliseconds: of what is days old nobody asks the minutes. */
export function formatPast(ms: number): string {
  return ms < 2 * dayMs ? formatSeconds(ms) : `${Math.floor(ms / dayMs)}d`;
}

/** A length of time in milliseconds, cut to whole seconds. */
export function formatSeconds(ms: number): string {
  return formatDuration(Math.floor(Math.max(0, ms) / 1000) * 1000);
}
