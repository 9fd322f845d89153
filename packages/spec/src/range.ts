import type { Range } from "./job.ts";
import { unreadable } from "./quantity.ts";

/** How the text of a range is read. */
export interface RangeOptions {
  /** Reads one end; throws when it cannot. */
  readonly parse: (text: string) => number;
  /** What one value without dots means. */
  readonly bare: "at-least" | "exactly";
}

const rangeForms = "Write 24GB.. for at least, ..80GB for at most, or 2..4 for between.";

/**
 * Reads a range: `24GB..` (at least), `..80GB` (at most), `2..4` (between), or one value, whose meaning is the field's.
 * `24..48GB` takes the unit of its right end for both.
 * @throws `usage` when an end cannot be read or the range is empty.
 */
export function parseRange(value: unknown, options: RangeOptions): Range {
  if (typeof value !== "string" && typeof value !== "number") {
    throw unreadable(value, "a range", rangeForms);
  }
  const text = String(value).trim();
  if (!text.includes("..")) {
    const one = options.parse(text);
    return options.bare === "exactly" ? { min: one, max: one } : { min: one };
  }
  const ends = text.split("..").map((end) => end.trim());
  const [low = "", high = ""] = ends;
  if (ends.length !== 2 || (low === "" && high === "")) {
    throw unreadable(value, "a range", rangeForms);
  }
  const unit = /^\d+(?:\.\d+)?$/.test(low) ? (/[a-zA-Z/]+$/.exec(high)?.[0] ?? "") : "";
  const min = low === "" ? undefined : options.parse(low + unit);
  const max = high === "" ? undefined : options.parse(high);
  if (min !== undefined && max !== undefined && min > max) {
    throw unreadable(value, "a range: its start is above its end", `Write ${high}..${low}.`);
  }
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

/** A range for people: `at least 24 GiB`, `at most 4`, `2 to 4`, `8`, `any`. */
export function formatRange(range: Range, format: (value: number) => string = String): string {
  const { min, max } = range;
  if (min === undefined) return max === undefined ? "any" : `at most ${format(max)}`;
  if (max === undefined) return `at least ${format(min)}`;
  return min === max ? format(min) : `${format(min)} to ${format(max)}`;
}

/** Does a value lie in a range? `tolerance` widens both ends by that share, such as 0.07. */
export function isInRange(value: number, range: Range, tolerance = 0): boolean {
  if (range.min !== undefined && value < range.min * (1 - tolerance)) return false;
  return range.max === undefined || value <= range.max * (1 + tolerance);
}
