import { formatDuration } from "@gpujob/spec";

/** A time that has passed, such as `12s ago`, in whole seconds; the exact time stays in the JSON. */
export function formatAge(at: string, now: number): string {
  return `${formatSeconds(now - Date.parse(at))} ago`;
}

/** A length of time in milliseconds, cut to whole seconds. */
export function formatSeconds(ms: number): string {
  return formatDuration(Math.floor(Math.max(0, ms) / 1000) * 1000);
}
