import { parseDurationMs, toFailure } from "@gpujob/spec";
import { usage } from "./flags.ts";

/** Reads a length of time such as `90s`, `5m`, `2h`, or `3d` in milliseconds. */
export function readDuration(text: string, flag: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    const { message, hint } = toFailure(error);
    throw usage(`--${flag}: ${message}`, hint);
  }
}

/** Reads a point in time: so long ago (`10m`), or a date or time. Answers a function of now, in epoch milliseconds. */
export function readSince(text: string, flag: string): (now: number) => number {
  const at = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return () => at;
  const ms = readDuration(text, flag);
  return (now) => now - ms;
}

/** Reads `all` or a whole number of at least `min`. */
export function readNumberOrAll(min: number): (text: string, flag: string) => number | "all" {
  return (text, flag) => {
    if (text === "all") return "all";
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min) return value;
    throw usage(`--${flag} takes "all" or a whole number of at least ${min}, not "${text}".`);
  };
}
