import type { Currency, Money } from "./money.ts";
import { didYouMean, quoteText } from "./nearest.ts";
import { unreadable } from "./quantity.ts";
import { GpujobError } from "./errors.ts";

const signs: ReadonlyMap<string, Currency> = new Map([
  ["¥", "CNY"],
  ["￥", "CNY"],
  ["元", "CNY"],
  ["RMB", "CNY"],
  ["$", "USD"],
  ["US$", "USD"],
  ["€", "EUR"],
  ["£", "GBP"],
]);

const perHour = /\s{0,3}(?:\/|per)\s{0,3}(?:h|hr|hour|小时|时)$/i;

/** How a text about money is read. */
export interface MoneyOptions {
  /** Currency of a number that comes without one; absent: such a number is refused, never guessed. */
  readonly currency?: Currency;
}

/**
 * Reads an amount such as `50 CNY`, `$2`, `¥50` or `50元`, exact to a millionth of a unit.
 * @throws `usage` when it is none, names no currency, or is a price per hour.
 */
export function parseMoney(value: unknown, options: MoneyOptions = {}): Money {
  if (typeof value === "string" && /\/|\bper\b/i.test(value)) {
    const amount = value.split(/\/|\bper\b/i)[0]?.trim() ?? "";
    throw unreadable(value, "an amount: it is a price over time", `Write the amount: ${amount}.`);
  }
  return readMoney(value, value, options);
}

/**
 * Reads a price per hour such as `3 CNY/h` or `$2/h`.
 * @throws `usage` when it is none, names no currency, or lacks the `/h`.
 */
export function parseHourlyPrice(value: unknown, options: MoneyOptions = {}): Money {
  if (typeof value !== "string" || !perHour.test(value.trim())) {
    const isNumber = typeof value === "number" || typeof value === "string";
    const shown = isNumber ? String(value).trim() : "";
    const next = /^[\d.]{1,30}$/.test(shown)
      ? `Write the currency and the hour: ${shown} CNY/h.`
      : "Write it as 3 CNY/h or $2/h.";
    throw unreadable(value, "a price per hour", next);
  }
  return readMoney(value.trim().replace(perHour, ""), value, options);
}

function readMoney(amount: unknown, whole: unknown, options: MoneyOptions): Money {
  const text = typeof amount === "number" ? String(amount) : amount;
  const next = "Write an amount with its currency, such as 50 CNY, $2 or ¥50.";
  if (typeof text !== "string") throw unreadable(whole, "an amount of money", next);
  const match = /^([^\d\s.,-]{0,4})\s{0,3}(\d{1,10}(?:\.\d{1,12})?)\s{0,3}([^\d\s.,-]{0,4})$/.exec(
    text.trim(),
  );
  const before = match?.[1] ?? "";
  const after = match?.[3] ?? "";
  if (match === null || (before !== "" && after !== "")) {
    throw unreadable(whole, "an amount of money", next);
  }
  const sign = before === "" ? after : before;
  if (sign === "" && options.currency === undefined) {
    const guess = `Write the currency too: ${text.trim()} CNY, or ${text.trim()} USD.`;
    throw unreadable(whole, "an amount of money: the currency is missing", guess);
  }
  const currency = sign === "" ? (options.currency ?? "") : parseCurrency(sign);
  return { currency, micros: toMicros(match[2] ?? "", whole) };
}

function toMicros(digits: string, whole: unknown): number {
  const [units = "0", fraction = ""] = digits.split(".");
  if (fraction.replace(/0+$/, "").length > 6) {
    const next = "Use at most six digits after the point.";
    throw unreadable(whole, "an amount that can be kept exactly", next);
  }
  const micros = Number(units) * 1_000_000 + Number(fraction.padEnd(6, "0").slice(0, 6));
  if (!Number.isSafeInteger(micros)) {
    throw unreadable(whole, "an amount that can be kept exactly", "Use a smaller amount.");
  }
  return micros;
}

/**
 * Reads a currency by its ISO 4217 code in any case (`CNY`, `usd`) or its sign (`¥` is CNY, `$` is USD).
 * @throws `usage` naming the nearest known code.
 */
export function parseCurrency(text: string): Currency {
  const code = text.trim().toUpperCase();
  const known = Intl.supportedValuesOf("currency");
  const currency = signs.get(code) ?? (known.includes(code) ? code : undefined);
  if (currency !== undefined) return currency;
  throw new GpujobError("usage", `${quoteText(text)} is not a currency.`, {
    hint: `Use a three-letter code such as CNY or USD.${didYouMean(code, ["CNY", "RMB", "USD", "EUR", "GBP", "JPY", "HKD"])}`,
  });
}

/**
 * Money for people and readable by `parseMoney`: `1.32 CNY`. Two decimals; up to four below one unit, so that a
 * small price is not shown as nothing; every one there is with `exact`.
 */
export function formatMoney(money: Money, options: { readonly exact?: boolean } = {}): string {
  const size = Math.abs(money.micros);
  const decimals = options.exact === true || (size > 0 && size < 50) ? 6 : size < 1_000_000 ? 4 : 2;
  const step = 10 ** (6 - decimals);
  const rounded = Math.round(size / step) * step;
  const units = Math.floor(rounded / 1_000_000);
  const fraction = String(rounded % 1_000_000).padStart(6, "0");
  const shown = fraction.slice(0, decimals).replace(/0+$/, "").padEnd(2, "0");
  const sign = money.micros < 0 && rounded > 0 ? "-" : "";
  return `${sign}${units}.${shown} ${money.currency}`;
}

/** A price per hour for people and readable by `parseHourlyPrice`: `1.32 CNY/h`. */
export function formatHourlyPrice(
  money: Money,
  options: { readonly exact?: boolean } = {},
): string {
  return `${formatMoney(money, options)}/h`;
}
