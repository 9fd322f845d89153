import { GpujobError, type Currency, type ExchangeRate, type Money } from "@gpujob/spec";
import { scaleMoney } from "./scale-money.ts";

const base: Currency = "CNY";
const roundFigure =
  "round figure bundled with gpujob, not a quote; set `exchange` in the configuration";

/**
 * Rates for comparing prices when nobody set better ones. They are round figures near the market at their date, written
 * down by hand; the plan shows their age, and `exchange` in the configuration replaces them.
 */
export const bundledRates: readonly ExchangeRate[] = [
  // The figure of the configuration reference.
  { currency: "USD", cnyPerUnit: 7.12, observedAt: "2025-11-01", source: roundFigure },
  { currency: "EUR", cnyPerUnit: 8.2, observedAt: "2025-11-01", source: roundFigure },
  { currency: "HKD", cnyPerUnit: 0.91, observedAt: "2025-11-01", source: roundFigure },
];

/**
 * The same value in another currency, rounded half up to whole micros. CNY needs no rate.
 * Throws `config_invalid` naming the currency whose rate is missing.
 */
export function convertMoney(
  money: Money,
  currency: Currency,
  rates: readonly ExchangeRate[],
): Money {
  if (money.currency === currency) return money;
  const from = findRate(money.currency, rates);
  const to = findRate(currency, rates);
  const { micros } = scaleMoney(money, { times: [from], over: [to] });
  return { currency, micros };
}

function findRate(currency: Currency, rates: readonly ExchangeRate[]): number {
  if (currency === base) return 1;
  const rate = rates.find((candidate) => candidate.currency === currency);
  if (rate !== undefined && rate.cnyPerUnit > 0) return rate.cnyPerUnit;
  throw new GpujobError("config_invalid", `There is no exchange rate for ${currency}.`, {
    hint: `Set \`exchange: { ${currency}: … }\` in the configuration: the price of one ${currency} in CNY.`,
  });
}
