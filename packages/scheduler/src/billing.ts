import { scaleMoney } from "@gpujob/catalog";
import type { BillingRule, Money } from "@gpujob/spec";

/**
 * Seconds that a platform charges for a lease that was billable for `seconds`: never less than the minimum, rounded up
 * to whole units. A lease that took no time costs nothing when metered, and one unit when prepaid, because the first
 * unit was paid when it began. Throws `RangeError` for a negative or endless time.
 */
export function billSeconds(rule: BillingRule, seconds: number): number {
  if (!(seconds >= 0) || !Number.isFinite(seconds)) {
    throw new RangeError(`A lease cannot be billed for ${seconds} seconds.`);
  }
  if (seconds === 0 && rule.mode !== "prepaid") return 0;
  const unit = Math.max(1, rule.unitSeconds);
  const units = Math.ceil(Math.max(seconds, rule.minimumSeconds) / unit);
  return Math.max(1, units) * unit;
}

/**
 * What a platform charges for one lease: the billed seconds at the hourly price, times the discount if any, rounded
 * once, half up. `discount` is a factor on the price, such as 0.95. Throws like `billSeconds`.
 */
export function billAmount(
  perHour: Money,
  rule: BillingRule,
  seconds: number,
  discount = 1,
): Money {
  return scaleMoney(perHour, { times: [billSeconds(rule, seconds), discount], over: [3600] });
}
