import { unreadable } from "./quantity.ts";

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;
const msPerUnit: ReadonlyMap<string, number> = new Map(units);

/** A hundred years: nothing is waited for longer, and all sums stay exact. */
const longestMs = 100 * 366 * 86_400_000;

/**
 * Reads a duration such as `90s`, `5m`, `2h`, `3d`, `1h30m` or `250ms` as whole milliseconds; `0` needs no unit.
 * @throws `usage` when it is none, also for a number without a unit.
 */
export function parseDurationMs(value: unknown): number {
  const next = "Write a number with s, m, h or d, such as 90s, 5m, 2h or 3d.";
  if (value === 0) return 0;
  if (typeof value === "number") {
    const guess = `Write ${value}s for seconds, ${value}m for minutes or ${value}h for hours.`;
    throw unreadable(value, "a duration: the unit is missing", guess);
  }
  if (typeof value !== "string") throw unreadable(value, "a duration", next);
  const text = value.trim();
  if (/^0+$/.test(text)) return 0;
  if (/^\d{1,15}$/.test(text)) {
    const guess = `Write ${text}s for seconds, ${text}m for minutes or ${text}h for hours.`;
    throw unreadable(value, "a duration: the unit is missing", guess);
  }
  if (text.length > 60 || !/^(?:\d+(?:\.\d+)?\s?(?:ms|s|m|h|d)\s?)+$/.test(text)) {
    throw unreadable(value, "a duration", next);
  }
  const total = addParts(text);
  if (total > longestMs) throw unreadable(value, "a duration below a hundred years", next);
  return total;
}

function addParts(text: string): number {
  let total = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)\s?(ms|s|m|h|d)/g)) {
    total += Number(part[1]) * (msPerUnit.get(part[2] ?? "") ?? 0);
  }
  return Math.round(total);
}

/**
 * A duration in milliseconds for people, readable by `parseDurationMs`: `45s`, `2h 5m`, `350ms`, `1d 3h`.
 * The two largest units, cut not rounded; all of them with `exact`.
 */
export function formatDuration(ms: number, options: { readonly exact?: boolean } = {}): string {
  let rest = Math.max(0, Math.round(ms));
  const isLong = rest >= 1000;
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    const isNoise = unit === "ms" && isLong && options.exact !== true;
    if (count > 0 && !isNoise) parts.push(`${count}${unit}`);
    else if (parts.length > 0 && options.exact !== true) break;
    if (parts.length === 2 && options.exact !== true) break;
  }
  return parts.length === 0 ? "0s" : parts.join(" ");
}
