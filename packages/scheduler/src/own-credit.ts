import { convertMoney } from "@gpujob/catalog";
import type {
  AccountTerms,
  Coupon,
  Currency,
  ExchangeRate,
  Money,
  Offer,
  PlanCandidate,
  PrepaidHours,
} from "@gpujob/spec";
import type { OfferQuote } from "./price.ts";

/** A bill that coupons and prepaid hours of an account may pay. */
export interface Bill {
  readonly platform: string;
  /** The catalogue's model id. */
  readonly model?: string;
  /** Hours of one card that it is for. */
  readonly cardHours: number;
  /** Of `amount`, what prepaid hours can pay. */
  readonly compute: Money;
  readonly amount: Money;
  /** Epoch milliseconds at which it ends. */
  readonly at: number;
}

/** How a bill is paid. */
export interface Payment {
  /** Left to pay in money. */
  readonly amount: Money;
  /** Negative or zero. */
  readonly prepaidHours: Money;
  readonly coupons: Money;
}

/** Hands out what accounts have, from bill to bill. Throws `config_invalid` when an exchange rate is missing. */
export interface Purse {
  /** Takes from what is left; hours that end first are used first. `undefined`: the account has nothing of the kind. */
  readonly pay: (bill: Bill) => Payment | undefined;
  /** How it would be paid, taking nothing. */
  readonly quote: (bill: Bill) => Payment | undefined;
}

/** What is left of coupons and hours: the accounts as configured, less what is paid from here on. */
export function openPurse(
  accounts: Readonly<Record<string, AccountTerms>>,
  { currency, rates }: { readonly currency: Currency; readonly rates: readonly ExchangeRate[] },
): Purse {
  const money = (micros: number): Money => ({ currency, micros });
  const microsOf = (amount: Money): number => convertMoney(amount, currency, rates).micros;
  const purses = new Map(
    Object.entries(accounts).map(([platform, { coupons = [], prepaidHours = [] }]) => [
      platform,
      {
        coupons: coupons.toSorted(byEnd).map((each) => ({ each, left: microsOf(each.amount) })),
        hours: prepaidHours.toSorted(byEnd).map((each) => ({ each, left: each.hours })),
      },
    ]),
  );

  function settle(bill: Bill, isTaken: boolean): Payment | undefined {
    const purse = purses.get(bill.platform);
    if (purse === undefined || purse.coupons.length + purse.hours.length === 0) return undefined;
    const total = microsOf(bill.amount);
    let hoursWanted = bill.cardHours;
    for (const pack of purse.hours) {
      if (!isValid(pack.each, bill) || (pack.each.model ?? bill.model) !== bill.model) continue;
      const used = Math.min(pack.left, hoursWanted);
      hoursWanted -= used;
      if (isTaken) pack.left -= used;
    }
    const covered = bill.cardHours === 0 ? 0 : 1 - hoursWanted / bill.cardHours;
    const byHours = Math.min(total, Math.round(microsOf(bill.compute) * covered));
    let left = total - byHours;
    for (const coupon of purse.coupons) {
      if (!isValid(coupon.each, bill)) continue;
      const used = Math.min(coupon.left, left);
      left -= used;
      if (isTaken) coupon.left -= used;
    }
    const byCoupons = total - byHours - left;
    return { amount: money(left), prepaidHours: money(0 - byHours), coupons: money(0 - byCoupons) };
  }
  return { pay: (bill) => settle(bill, true), quote: (bill) => settle(bill, false) };
}

function isValid({ asOf, until }: Coupon | PrepaidHours, { at }: Bill): boolean {
  return at >= Date.parse(asOf) && (until === undefined || at <= Date.parse(until));
}

/** What ends first is used first. */
function byEnd(left: { readonly until?: string }, right: { readonly until?: string }): number {
  return endOf(left) - endOf(right);
}

function endOf({ until }: { readonly until?: string }): number {
  return until === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(until);
}

/** What is left to pay of an expected bill; empty where the account pays nothing of the kind. */
export function payQuote(
  offer: Offer,
  quote: OfferQuote,
  options: { readonly purse?: Purse; readonly nowMs?: number; readonly nodes: number },
): Pick<PlanCandidate, "toPay"> {
  const { purse, nowMs, nodes } = options;
  if (purse === undefined || nowMs === undefined) return {};
  const toPay = purse.quote({
    platform: offer.platform,
    ...(offer.gpu === undefined ? {} : { model: offer.gpu.model }),
    cardHours: quote.billedHours * nodes * (offer.gpu?.count ?? 0),
    compute: quote.compute,
    amount: quote.totalPrice,
    at: nowMs + quote.seconds * 1000,
  });
  return toPay === undefined ? {} : { toPay };
}
