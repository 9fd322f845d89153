import { GpujobError } from "./errors.ts";
import { quoteText } from "./nearest.ts";

/** Raised for a value that cannot be read; `usage`, because it is the user's to mend. */
export function unreadable(value: unknown, isNot: string, next: string): GpujobError {
  return new GpujobError("usage", `${showValue(value)} is not ${isNot}.`, { hint: next });
}

/** Any value as the subject of a sentence; one that came from a file may have no text of its own. */
function showValue(value: unknown): string {
  if (typeof value === "string") return quoteText(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value === null || value === undefined) return "Nothing";
  return Array.isArray(value) ? "A list" : "A map";
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
