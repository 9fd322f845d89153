import type { Interconnect } from "./adapter.ts";
import type { Money } from "./money.ts";

/** Money on an account that pays for machines before the user does. */
export interface Coupon {
  /** What was left of it at `asOf`. */
  readonly amount: Money;
  /** ISO-8601 UTC; what runs have cost there since then is taken off. */
  readonly asOf: string;
  /** ISO-8601 UTC; it pays nothing after. Absent: it never ends. */
  readonly until?: string;
}

/** Hours of a card that are paid already. They pay for compute and nothing else. */
export interface PrepaidHours {
  /** Hours of one card that were left at `asOf`; a machine with two cards uses two in an hour. */
  readonly hours: number;
  /** The catalogue's model id. Absent: of any card. */
  readonly model?: string;
  readonly asOf: string;
  readonly until?: string;
}

/** Billing terms longer than an hour, in days. A month has 30. */
export const termDays = { day: 1, week: 7, month: 30 } as const;
export type TermLength = keyof typeof termDays;

/** What a machine costs that is rented for a whole day, week or month. */
export interface TermPrice {
  /** The catalogue's model id. */
  readonly model: string;
  /** Cards of the machine that the price is for. */
  readonly count: number;
  readonly per: TermLength;
  readonly price: Money;
}

/** Something that is paid by the hour beside a machine. */
export interface AccountSurcharge {
  readonly name: string;
  /** For one node. */
  readonly perHour: Money;
  /** Only on machines whose cards are joined so. Absent: on all. */
  readonly interconnect?: Exclude<Interconnect, "unknown">;
}

/**
 * What the user's account on a platform has and what its prices leave out, from the configuration. What stands here goes
 * before what the platform itself says.
 */
export interface AccountTerms {
  /** Factors on compute, such as 0.95; of the two the lower one holds. */
  readonly member?: number;
  readonly student?: number;
  /** Added to every price, such as 0.06; 0: it is in them. */
  readonly taxRate?: number;
  readonly isBootBilled?: boolean;
  readonly diskPerGibHour?: Money;
  readonly publicIpPerHour?: Money;
  readonly egressPerGib?: Money;
  readonly surcharges?: readonly AccountSurcharge[];
  readonly coupons?: readonly Coupon[];
  readonly prepaidHours?: readonly PrepaidHours[];
  readonly terms?: readonly TermPrice[];
}
