import type { BillingRule, Currency, Market, Money, TermLength } from "@gpujob/spec";

/**
 * How far a price can be trusted. `documented`: the platform publishes it. `observed`: somebody paid or was shown it.
 * `inferred`: worked out from another price of the same seller. `third-party`: somebody else says so.
 */
export type PriceConfidence = "documented" | "observed" | "inferred" | "third-party";

/** What one card of a platform cost on a day: for ranking where a platform tells no price before it is rented. */
export interface PriceSheet {
  /** `<platform>/<card>`, such as `autodl/rtx4090d`. */
  readonly id: string;
  readonly platform: string;
  /** A name with its memory that `normalizeGpuName` reads, such as `RTX 4090D 24GB`. */
  readonly gpu: string;
  /** For one card per hour. */
  readonly pricePerHour: Money;
  readonly market: Market;
  readonly billing: BillingRule;
  /** What one card costs for a whole day, week or month, in the console; it is paid whether it is used or not. */
  readonly terms?: readonly SheetTerm[];
  /** The platform's own region name, where the price holds in one only. */
  readonly region?: string;
  /** ISO 3166-1 alpha-2 code in lower case; absent where machines stand in several countries. */
  readonly country?: string;
  /** Where the price was read. */
  readonly source: string;
  /** ISO-8601 date on which it was read; the first of the month where only the month is known. */
  readonly observedAt: string;
  readonly confidence: PriceConfidence;
}

export interface SheetTerm {
  readonly per: TermLength;
  readonly price: Money;
  readonly source: string;
  readonly observedAt: string;
}

/** Sheets of one seller as they are written down: what most of them share, and a row for each card. */
export interface SheetTable extends Omit<
  PriceSheet,
  "id" | "gpu" | "pricePerHour" | "terms" | "market" | "observedAt" | "source" | "confidence"
> {
  readonly currency: Currency;
  readonly market?: Market;
  readonly source: string;
  readonly observedAt: string;
  readonly confidence: PriceConfidence;
  readonly rows: readonly SheetRow[];
}

/** One card of a table. What a row says itself stands before what its table says. */
export interface SheetRow {
  /** The part of the id behind the platform. */
  readonly card: string;
  readonly gpu: string;
  /** In the table's currency, for one card per hour. */
  readonly price: number;
  /** In the table's currency. */
  readonly terms?: readonly (Omit<SheetTerm, "price"> & { readonly price: number })[];
  readonly market?: Market;
  readonly region?: string;
  readonly source?: string;
  readonly observedAt?: string;
  readonly confidence?: PriceConfidence;
}
