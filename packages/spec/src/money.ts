/** An ISO 4217 currency code, such as `CNY` or `USD`. */
export type Currency = string;

/** An amount of money: whole millionths of one unit of a named currency, never a float. */
export interface Money {
  readonly currency: Currency;
  /** Millionths of one unit; a whole number. 1.32 CNY is 1_320_000. */
  readonly micros: number;
}

/** How many CNY one unit of a currency costs, when, and who said so. Locked into a run at submit. */
export interface ExchangeRate {
  readonly currency: Currency;
  /** CNY for one unit of `currency`. */
  readonly cnyPerUnit: number;
  /** ISO-8601 date or time at which the rate was published. */
  readonly observedAt: string;
  readonly source: string;
}
