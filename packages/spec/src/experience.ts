import type { Market } from "./adapter.ts";
import type { Money } from "./money.ts";

/**
 * What one lease told of the place where it was rented: the sample from which stability is learnt. Absent: it says nothing
 * about that. Plain JSON; outlives its run.
 */
export interface Experience {
  readonly leaseKey: string;
  /** The configured platform's name. */
  readonly platform: string;
  readonly instanceType: string;
  readonly market: Market;
  /** Epoch milliseconds at which the machine was asked for. */
  readonly at: number;
  /** Did the ask give a machine? Refusals that the account or the job is to blame for say nothing. */
  readonly isCreated?: boolean;
  /** From the create until it was ready. */
  readonly bootMs?: number;
  /** `served`: it was there for as long as it was wanted. `interrupted`: taken away or lost. `failed`: never of use. */
  readonly end?: "served" | "interrupted" | "failed";
  /** From the create until it was given back or lost. */
  readonly heldMs?: number;
  /** Bytes sent there in one go, and how long that took. */
  readonly sentBytes?: number;
  readonly sentMs?: number;
  /**
   * Compute of the whole lease by the price that was offered, and by the price that the platform named for the machine;
   * once its own bill was read, by that.
   */
  readonly quoted?: Money;
  readonly billed?: Money;
  /** The platform's own bill, where it can tell; read some time after the end. */
  readonly bill?: PlatformBill;
  /** The run whose files stay there, where the kind of machine is one machine that is not given back. */
  readonly leftBy?: string;
  /** Measured on the machine: reading from its disk, and downloads from where its packages come from. */
  readonly diskMibPerSecond?: number;
  readonly downloadMbps?: number;
}

/** What a platform billed for one lease, beside what was counted here; both in the currency of its run. */
export interface PlatformBill {
  /** The platform's name for it. */
  readonly leaseId: string;
  /** All charges. */
  readonly amount: Money;
  readonly counted: Money;
  /** They differ by more than clocks and rounding explain. */
  readonly isOff?: true;
  /** Is `billed` of its lease by this bill? Not of a machine that several runs used one after another. */
  readonly isCompared?: true;
}
