import { scaleMoney } from "@gpujob/catalog";
import type { ChargeKind, JobSpec, Money, Offer, OfferPrice } from "@gpujob/spec";
import { billSeconds } from "./billing.ts";

/** One lease as its platform counts it. */
export interface LeaseUse {
  /** From the beginning of its bill to its end. */
  readonly seconds: number;
  /** Disk above what the offer includes. */
  readonly extraDiskGib: number;
  /** What left the machine for the internet; absent: not known. */
  readonly egressGib?: number;
  /** What the platform told of the rented machine, for one node. */
  readonly statedPerHour?: Money;
}

/** What a lease costs for one thing. */
export interface LeaseCharge {
  readonly kind: ChargeKind;
  readonly billedSeconds: number;
  readonly amount: Money;
}

/** The price of compute per hour, and the part of it that is paid. */
export function computeTerms(
  price: OfferPrice,
  statedPerHour?: Money,
): { readonly perHour: Money; readonly factor: number } {
  const { discount = 1, ownRate, source } = price;
  // A platform that tells the price of a rented machine only tells this account's own.
  const isOwn = statedPerHour !== undefined && source === "after-create";
  return {
    perHour: statedPerHour ?? price.perHour,
    factor: discount * (isOwn ? 1 : (ownRate?.factor ?? 1)),
  };
}

/** What one node costs per hour after all that is taken off what the platform told of it. */
export function paidPerHour(price: OfferPrice, statedPerHour: Money): Money {
  const { perHour, factor } = computeTerms(price, statedPerHour);
  return scaleMoney(perHour, { times: [factor] });
}

/** What compute costs for one node in so many seconds. Throws like `billSeconds`. */
export function billCompute(price: OfferPrice, seconds: number, statedPerHour?: Money): Money {
  const { perHour, factor } = computeTerms(price, statedPerHour);
  return scaleMoney(perHour, {
    times: [billSeconds(price.billing, seconds), factor],
    over: [3600],
  });
}

/** GiB that are paid for beside the machine. */
export function extraDiskGib(
  { resources }: Pick<JobSpec, "resources">,
  { includedDiskGib = 0 }: Pick<Offer, "includedDiskGib">,
): number {
  return Math.max(0, (resources.diskGib?.min ?? 0) - includedDiskGib);
}

/**
 * Everything that one lease costs, each thing by itself and in the currency that `convert` makes: the rules by which the
 * estimate and the ledger count. What no price is known of is left out.
 */
export function chargeLease(
  price: OfferPrice,
  use: LeaseUse,
  convert: (money: Money) => Money,
): readonly LeaseCharge[] {
  const whole = billSeconds(price.billing, use.seconds);
  const bySecond = Math.ceil(use.seconds);
  const charges: LeaseCharge[] = [
    {
      kind: "compute",
      billedSeconds: whole,
      amount: convert(billCompute(price, use.seconds, use.statedPerHour)),
    },
  ];
  const add = (kind: ChargeKind, billedSeconds: number, amount: Money): void => {
    if (amount.micros !== 0) charges.push({ kind, billedSeconds, amount: convert(amount) });
  };
  const over = (perHour: Money, times: readonly number[]): Money =>
    scaleMoney(perHour, { times, over: [3600] });
  for (const { perHour } of price.surcharges ?? []) add("surcharge", whole, over(perHour, [whole]));
  if (price.diskPerGibHour !== undefined)
    add("disk", bySecond, over(price.diskPerGibHour, [use.extraDiskGib, bySecond]));
  if (price.publicIpPerHour !== undefined)
    add("public-ip", bySecond, over(price.publicIpPerHour, [bySecond]));
  if (price.egressPerGib !== undefined && use.egressGib !== undefined)
    add("egress", 0, scaleMoney(price.egressPerGib, { times: [use.egressGib] }));
  const tax = taxOn(charges, price.taxRate);
  return tax === undefined ? charges : [...charges, tax];
}

function taxOn(charges: readonly LeaseCharge[], rate = 0): LeaseCharge | undefined {
  const [first] = charges;
  if (rate === 0 || first === undefined) return undefined;
  const sum = charges.reduce((total, { amount }) => total + amount.micros, 0);
  const amount = scaleMoney({ ...first.amount, micros: sum }, { times: [rate] });
  return amount.micros === 0 ? undefined : { kind: "tax", billedSeconds: 0, amount };
}

/** What one lease costs in an hour of use, without rounding up to units: how fast money is spent, in micros. */
export function spendingPerHour(
  price: OfferPrice,
  use: Pick<LeaseUse, "extraDiskGib" | "statedPerHour">,
  convert: (money: Money) => Money,
): number {
  const { perHour, factor } = computeTerms(price, use.statedPerHour);
  const besides = [
    ...(price.surcharges ?? []).map((each) => each.perHour),
    ...(price.publicIpPerHour === undefined ? [] : [price.publicIpPerHour]),
    ...(price.diskPerGibHour === undefined
      ? []
      : [scaleMoney(price.diskPerGibHour, { times: [use.extraDiskGib] })]),
  ];
  const sum = besides.reduce(
    (total, each) => total + convert(each).micros,
    convert(perHour).micros * factor,
  );
  return sum * (1 + (price.taxRate ?? 0));
}
