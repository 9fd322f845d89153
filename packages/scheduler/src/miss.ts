import type { Range } from "@gpujob/spec";
import { formatNumber, formatRange } from "./text.ts";

/** One way in which an offer does not fit. */
export interface Miss {
  /** The job-file key behind it; `offer` where the job cannot change it. */
  readonly key: string;
  /** What there is, and what was asked for. */
  readonly text: string;
}

/** Does a value lie in a range? `slack` widens both ends by that part of them. */
export function isWithin(value: number, { min, max }: Range, slack = 0): boolean {
  return (
    (min === undefined || value >= min * (1 - slack)) &&
    (max === undefined || value <= max * (1 + slack))
  );
}

/** A miss if a size is out of range or not known, such as `62 GiB of memory, 64 asked for`. */
export function missOfSize(
  key: string,
  noun: string,
  value: number | undefined,
  range: Range | undefined,
): Miss | undefined {
  if (range === undefined) return undefined;
  const asked = `${formatRange(range)} asked for`;
  if (value === undefined) return { key, text: `${noun} not known, ${asked}` };
  return isWithin(value, range)
    ? undefined
    : { key, text: `${formatNumber(value)} ${noun}, ${asked}` };
}
