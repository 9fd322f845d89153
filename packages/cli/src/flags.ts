import { GpujobError } from "@gpujob/spec";
import type { BooleanFlag, ListFlag, OptionFlag } from "./definition.ts";

interface Details {
  readonly char?: string;
  readonly hidden?: boolean;
}

/** A flag without a value. */
export function booleanFlag(summary: string, details: Details = {}): BooleanFlag {
  return { type: "boolean", summary, ...details };
}

/** A flag with one text as its value. */
export function textFlag(
  summary: string,
  helpValue: string,
  details: Details = {},
): OptionFlag<string> {
  return { type: "option", multiple: false, summary, helpValue, read: (text) => text, ...details };
}

/** A flag with one of a few words as its value. */
export function choiceFlag<const Word extends string>(
  summary: string,
  options: readonly Word[],
  details: Details = {},
): OptionFlag<Word> {
  const read = (text: string, flag: string): Word => {
    const word = options.find((option) => option === text);
    if (word !== undefined) return word;
    throw usage(`--${flag} is one of ${options.join(", ")}, not "${text}".`);
  };
  const helpValue = options.join("|");
  return { type: "option", multiple: false, summary, helpValue, options, read, ...details };
}

/** A flag with a whole number of at least `min`. */
export function countFlag(summary: string, min: number, details: Details = {}): OptionFlag<number> {
  const read = (text: string, flag: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    throw usage(`--${flag} takes a whole number of at least ${min}, not "${text}".`);
  };
  return { type: "option", multiple: false, summary, helpValue: "N", read, ...details };
}

/** A flag with a value that `read` understands; it may throw a failure of kind `usage`. */
export function valueFlag<Value>(
  summary: string,
  helpValue: string,
  read: (text: string, flag: string) => Value,
  details: Details = {},
): OptionFlag<Value> {
  return { type: "option", multiple: false, summary, helpValue, read, ...details };
}

/** A flag that may be given several times. */
export function listFlag(
  summary: string,
  helpValue: string,
  details: Details = {},
): ListFlag<string> {
  return { type: "option", multiple: true, summary, helpValue, read: (text) => text, ...details };
}

/** A mistake on the command line: exit code 2, nothing was contacted. */
export function usage(message: string, hint?: string): GpujobError {
  return new GpujobError("usage", message, hint === undefined ? {} : { hint });
}

/** Flags that every command has. */
export const commonFlags = {
  json: booleanFlag("Print one JSON envelope on stdout and nothing else"),
  config: textFlag("Use this project configuration", "FILE", { char: "c" }),
  "no-color": booleanFlag("No colours"),
  help: booleanFlag("Show this help", { char: "h" }),
};
