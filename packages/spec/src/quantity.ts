import { GpujobError } from "./errors.ts";
import { quoteText } from "./nearest.ts";

/** Raised for a value that cannot be read; `usage`, because it is the user's to mend. */
export function unreadable(value: unknown, isNot: string, next: string): GpujobError {
  const shown = typeof value === "string" ? quoteText(value) : String(value).slice(0, 60);
  return new GpujobError("usage", `${shown} is not ${isNot}.`, { hint: next });
}

/** Splits `1.5GB` into its number and its unit, or `undefined` when it does not look like that. */
export function splitQuantity(
  text: string,
): { readonly amount: number; readonly unit: string } | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s{0,3}([a-zA-Z/]{0,12})$/.exec(text.trim());
  if (match === null) return undefined;
  return { amount: Number(match[1]), unit: match[2] ?? "" };
}

/** A number without needless zeros and with at most `decimals` of them after the point. */
export function trimNumber(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
