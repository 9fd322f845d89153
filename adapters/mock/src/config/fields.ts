import {
  GpujobError,
  parseDurationMs,
  parseHourlyPrice,
  parseMoney,
  parseSizeGib,
} from "@gpujob/spec";
import { z } from "zod";
import { parseOfferGpu } from "../gpu-text.ts";

/** ISO 4217's code for "no currency": stands for a price written without one until the context names it. */
export const noCurrency = "XXX";

/** A field read by one of the parsers that all of gpujob uses, with their message. */
function readBy<T>(parse: (value: string | number) => T) {
  return z.union([z.string(), z.number()]).transform((value, issues): T => {
    try {
      return parse(value);
    } catch (error) {
      if (!GpujobError.is(error)) throw error;
      const { message, hint } = error.failure;
      issues.addIssue({
        code: "custom",
        message: hint === undefined ? message : `${message} ${hint}`,
      });
      return z.NEVER;
    }
  });
}

/** Milliseconds. */
export const duration = readBy(parseDurationMs);
/** GiB. */
export const size = readBy(parseSizeGib);
/** A price per hour; a bare number is one in the default currency. */
export const hourlyPrice = readBy((value) =>
  parseHourlyPrice(withHour(value), { currency: noCurrency }),
);
/** An amount of money. */
export const amount = readBy((value) => parseMoney(value, { currency: noCurrency }));
/** Milliseconds that are whole seconds. */
export const wholeSeconds = duration.refine((ms) => ms % 1000 === 0, "Write whole seconds.");
/** A whole number from 1. */
export const positive = z.int().min(1);

function withHour(value: string | number): string {
  return typeof value === "number" ? `${value}/h` : value;
}

/** The cards of one machine, with nothing said of how they are joined. */
export const cards = readBy((value) => parseOfferGpu(String(value)));
