import type { Range } from "@gpujob/spec";

/** A size with at most one decimal. */
export function formatNumber(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A range as one asks for it: `40`, `2 to 4`, `at most 8`. An open end above is how "at least" is written in jobs. */
export function formatRange({ min, max }: Range): string {
  if (min !== undefined && max !== undefined) {
    return min === max ? formatNumber(min) : `${formatNumber(min)} to ${formatNumber(max)}`;
  }
  if (max !== undefined) return `at most ${formatNumber(max)}`;
  return formatNumber(min ?? 0);
}

/** `1 card`, `2 cards`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `cheaper and steadier`. */
export function joinAnd(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}

/** `A100 or H100`. */
export function joinOr(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}
