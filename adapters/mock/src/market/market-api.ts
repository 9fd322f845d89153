import type { Money, PlatformErrorKind } from "@gpujob/spec";
import type { OfferTerms } from "./terms.ts";

type Wait = { readonly signal: AbortSignal };

/** What the market is asked for. Plain JSON, so that it can travel. */
export interface CreateMachine {
  /** The same token gives the same machine, for ever. */
  readonly token: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly offerType: string;
  readonly diskGib: number;
  /** Epoch milliseconds at which the machine ends by itself. */
  readonly endsMs: number;
}

/** A machine as the market's API shows it. Plain JSON; times in epoch milliseconds. */
export interface MachineView {
  readonly leaseId: string;
  readonly offerType: string;
  readonly tags: Readonly<Record<string, string>>;
  /** `ending`: no longer billed, its processes are being ended. `ended`: none of them is alive. */
  readonly state: "booting" | "up" | "ending" | "ended";
  readonly createdMs: number;
  readonly billedFromMs: number | null;
  readonly endedMs: number | null;
  /** It has ended, and its disk is still there and bills. */
  readonly isDiskLeft: boolean;
  readonly endReason: string | null;
  readonly endsMs: number;
  /** Price at create; a reprice fault makes it differ from the offer's. */
  readonly pricePerHour: Money;
  readonly notice: { readonly endsMs: number; readonly reason: string } | null;
}

/** An offer with the machines that are left of it; `null`: no end of them. */
export interface StockedOffer {
  readonly offer: OfferTerms["offer"];
  readonly stock: number | null;
}

/** What the market bills for one machine so far. */
export interface MachineCharge {
  readonly kind: "compute" | "disk";
  readonly fromMs: number;
  readonly toMs: number;
  readonly amount: Money;
}

/**
 * The market as its customers see it. The adapter knows nothing else of it, so that a client that speaks HTTP can take
 * the place of the one that opens the file. Every call can meet the configured faults.
 */
export interface MarketApi {
  listOffers(wait: Wait): Promise<readonly StockedOffer[]>;
  /** @throws MarketError, also `outcome_unknown` after the machine was made. */
  create(request: CreateMachine, wait: Wait): Promise<MachineView>;
  describe(leaseId: string, wait: Wait): Promise<MachineView | undefined>;
  /** Every machine that is not wholly ended, or whose disk is left, whoever's it is. */
  list(wait: Wait): Promise<readonly MachineView[]>;
  /** Ends a machine, or the disk that it left. Says yes also for one that has ended. `absent`: there is no such machine, or the market says so. */
  terminate(leaseId: string, wait: Wait): Promise<"accepted" | "absent">;
  /** Moves the end timer. @throws MarketError `lease_failed` when there is no such live machine. */
  setEnd(leaseId: string, endsMs: number, wait: Wait): Promise<void>;
  readCharges(leaseId: string, wait: Wait): Promise<readonly MachineCharge[]>;
  readBalance(wait: Wait): Promise<Money>;
  close(): void;
}

/** How the market says no: a code and a sentence, as a vendor's API would. */
export class MarketError extends Error {
  readonly code: PlatformErrorKind | "TokenMismatch" | "NoSuchOffer" | "NoSuchMachine";
  readonly retryAfterMs: number | undefined;

  constructor(code: MarketError["code"], message: string, retryAfterMs?: number) {
    super(message);
    this.name = "MarketError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
