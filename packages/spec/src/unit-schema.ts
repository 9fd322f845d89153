import { z } from "zod";
import { parseDurationMs } from "./duration.ts";
import { GpujobError } from "./errors.ts";
import { parseHourlyPrice, parseMoney, type MoneyOptions } from "./money-text.ts";
import type { Money } from "./money.ts";
import type { Range } from "./job.ts";
import { parseRange } from "./range.ts";
import { parseSizeGib } from "./size.ts";

/** What editors show for a value that is written as text. */
interface TextMeta {
  readonly description: string;
  readonly examples: readonly (string | number)[];
  readonly pattern?: string;
  /** Of the JSON Schema. @default "string" */
  readonly type?: string | readonly string[];
}

/** A schema whose value goes through `read`; a `GpujobError` that it throws becomes the problem, next step included. */
export function convert<Input, Output>(
  schema: z.ZodType<Input>,
  read: (value: Input) => Output,
): z.ZodType<Output> {
  return schema.transform((value, context) => {
    try {
      return read(value);
    } catch (error) {
      if (!GpujobError.is(error)) throw error;
      const { message, hint } = error.failure;
      const whole = hint === undefined ? message : `${message} ${hint}`;
      context.addIssue({ code: "custom", message: whole });
      return z.NEVER;
    }
  });
}

/** A list of texts, each converted by `read`; one text is short for a list of one. */
export function texts(
  description: string,
  read: (text: string) => string = (text) => text,
): z.ZodType<readonly string[]> {
  const item = convert(z.string(), read);
  return z
    .union([item, z.array(item)])
    .transform((value) => (typeof value === "string" ? [value] : value))
    .meta({ description });
}

/** A schema for the keys of a map that `check` must accept; a `GpujobError` that it throws becomes the problem. */
export function checkedKey(check: (key: string) => unknown): z.ZodString {
  return z.string().superRefine((key, context) => {
    try {
      check(key);
    } catch (error) {
      if (!GpujobError.is(error)) throw error;
      const message = `${error.message} ${error.failure.hint ?? ""}`.trim();
      context.addIssue({ code: "custom", message });
    }
  });
}

/** A schema for a value of any kind that `read` understands. The JSON Schema calls it text, with examples. */
export function readWith<T>(read: (value: unknown) => T, meta: TextMeta): z.ZodType<T> {
  return convert(z.unknown(), read).meta({ type: "string", ...meta });
}

/** A schema for a text that `read` understands; as for `readWith`, but nothing except text is accepted. */
export function readTextWith<T>(read: (text: string) => T, description: string): z.ZodType<T> {
  return convert(z.string().min(1), read).meta({ type: "string", description });
}

/** `90s`, `5m`, `2h` or `3d`, as milliseconds. */
export function durationSchema(description: string): z.ZodType<number> {
  return readWith(parseDurationMs, {
    description: `${description} Write it as 90s, 5m, 2h or 3d.`,
    examples: ["90s", "5m", "2h", "3d"],
    pattern: "^(0|(\\s?\\d+(\\.\\d+)?\\s?(ms|s|m|h|d))+)$",
  });
}

/** `50 CNY` or `$2`. */
export function moneySchema(description: string, options: MoneyOptions = {}): z.ZodType<Money> {
  return readWith((value) => parseMoney(value, options), {
    description: `${description} Write it as 50 CNY, $2 or ¥50.`,
    examples: ["50 CNY", "$2"],
  });
}

/** `3 CNY/h` or `$2/h`. */
export function hourlyPriceSchema(
  description: string,
  options: MoneyOptions = {},
): z.ZodType<Money> {
  return readWith((value) => parseHourlyPrice(value, options), {
    description: `${description} Write it as 3 CNY/h or $2/h.`,
    examples: ["3 CNY/h", "$2/h"],
  });
}

/** `80GB` (at least), `24GB..48GB`, in GiB. */
export function sizeRangeSchema(description: string): z.ZodType<Range> {
  return readWith((value) => readSizeRange(value), {
    description: `${description} A bare size means at least; ranges as 24GB..48GB.`,
    examples: ["64GB", "24GB..48GB"],
  });
}

function readSizeRange(value: unknown): Range {
  if (typeof value !== "string") return { min: parseSizeGib(value) };
  return parseRange(value, { parse: parseSizeGib, bare: "at-least" });
}
