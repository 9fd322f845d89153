import type { DataMove } from "./data.ts";
import type { Failure } from "./failure.ts";
import type { Market, OfferGpu } from "./adapter.ts";
import type { ModelPlan } from "./model.ts";
import type { Currency, ExchangeRate, Money } from "./money.ts";
import type { PlaceExperience, RankScore } from "./profile.ts";

/** The states a user sees. */
export const runStates = [
  "planning",
  "queued",
  "acquiring",
  "booting",
  "preparing",
  "running",
  "frozen",
  "needs-credentials",
  "collecting",
  "holding",
  "releasing",
  "release-unconfirmed",
  "succeeded",
  "failed",
  "cancelled",
] as const;
export type RunState = (typeof runStates)[number];

/** Does anything of this run cost money now? `by-hand`: only the user can end it. */
export type RunBilling = "none" | "running" | "ended" | "unconfirmed" | "by-hand";

/** One row of the decision table that `plan` shows. Public shape of `plan --json`. */
export interface PlanCandidate {
  readonly rank: number;
  readonly offerId: string;
  readonly platform: string;
  readonly region: string;
  readonly zone?: string;
  readonly instanceType: string;
  readonly gpu?: OfferGpu;
  /** GiB per card that the job's model needs here, and what is left of the card; absent without `model`. */
  readonly model?: { readonly needGib: number; readonly headroomGib: number };
  readonly market: Market;
  /** For all nodes, in the plan's currency. */
  readonly pricePerHour: Money;
  /** For the expected time, in the plan's currency. */
  readonly totalPrice: Money;
  readonly breakdown: PriceBreakdown;
  /** Currency that the platform counts in, where that is another. */
  readonly pricedIn?: Currency;
  /** What is left to pay of `totalPrice`, the platform's bill, where coupons or prepaid hours of the account pay a part. */
  readonly toPay?: {
    readonly amount: Money;
    /** What prepaid hours pay, and then coupons; negative or zero. */
    readonly prepaidHours: Money;
    readonly coupons: Money;
  };
  readonly availability: string;
  readonly observedAt: string;
  /** Its platform did not answer now: this is what it said before. Ranked last, and nothing rents it. */
  readonly isStale?: true;
  /** How its profile scores it; absent where only the price counts. */
  readonly score?: RankScore;
  /** What has to be brought there, and what is there already; absent where there is nothing. */
  readonly moves?: readonly DataMove[];
  /** What was learnt at its place from own leases; absent before the first. */
  readonly experience?: PlaceExperience;
  /** One sentence: why at this rank. */
  readonly reason: string;
}

/** Every part of the total price, in the plan's currency; `null` is unknown, never zero. */
export interface PriceBreakdown {
  readonly compute: Money;
  readonly disk: Money | null;
  readonly publicIp: Money | null;
  readonly egress: Money | null;
  /** A usual time is assumed, and said so in `unknown`, where the platform gives none. */
  readonly boot: Money;
  /** Of an image of the user's own; nothing without one. */
  readonly imagePull: Money | null;
  readonly upload: Money | null;
  /** Fetching data sets and models that are not there yet; absent of a job that names none. */
  readonly data?: Money | null;
  /** The time until results are at home. */
  readonly download: Money | null;
  /** The time for which the job file keeps the machine after the job. */
  readonly keep: Money;
  /** What is paid by the hour beside the machine, such as for NVLink. */
  readonly surcharges: Money;
  /** Added by rounding up to the billing unit and the minimum. */
  readonly minimum: Money;
  /** What interruptions of a spot machine are expected to add. */
  readonly expectedRework: Money | null;
  /** Negative or zero. */
  readonly discount: Money;
  /** The user's own rate in `discount`, in words, such as `member 0.95`. */
  readonly ownRate?: string;
  /** Added to all other parts; nothing where the prices have it in them. */
  readonly tax: Money | null;
  /** The parts that are unknown, in words. */
  readonly unknown: readonly string[];
}

export interface PlanRejection {
  readonly platform: string;
  /** So many offers that miss alike are told of here, of which `offerId` is the first. Absent: one. */
  readonly count?: number;
  readonly offerId: string;
  readonly reasons: readonly string[];
  /** The job-file key behind each reason, in the same order; `offer` where the job cannot change it. */
  readonly keys?: readonly string[];
}

export interface PlanMissing {
  readonly platform: string;
  readonly reason: string;
  readonly failure?: Failure;
}

/** The answer of `plan`: pure data, the same for the same inputs. */
export interface Plan {
  readonly candidates: readonly PlanCandidate[];
  readonly rejected: readonly PlanRejection[];
  readonly missing: readonly PlanMissing[];
  readonly currency: string;
  readonly exchangeRates: readonly ExchangeRate[];
  /** What the job needs for its `model`, if it names one. */
  readonly model?: ModelPlan;
}

/** One placement tried, as users see it. */
export interface AttemptView {
  readonly number: number;
  readonly platform: string;
  readonly offerId: string;
  readonly leases: readonly { readonly leaseId: string | null; readonly rank: number }[];
  readonly state: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly reason: string | null;
  readonly cost: Money | null;
  /** It was rented beside another attempt, to be ready should that one not be; its cost is part of the run's. */
  readonly isExtra?: true;
  /** It and another were asked at the same time by `hedge`; of the two that boots first the other is given back. */
  readonly isHedge?: true;
  /** Did its job begin from a checkpoint? */
  readonly isResumed?: boolean;
  /** The newest checkpoint of it that came home. */
  readonly saved?: { readonly at: string; readonly files: number; readonly bytes: number };
}

/** One run, as users see it. Public shape of `show --json` and `submit --json`. */
export interface RunView {
  readonly id: string;
  readonly name: string;
  readonly state: RunState;
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly platform: string | null;
  readonly attempts: readonly AttemptView[];
  readonly cost: Money;
  /** Total price shown when the run was submitted. */
  readonly quoted: Money | null;
  readonly billing: RunBilling;
  readonly outputs: readonly string[];
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Why it did not end well, where that was not simply the job's own exit code; its kind decides ours. */
  readonly failure?: Failure;
  readonly labels: Readonly<Record<string, string>>;
  /** What its user must do about machines that only they can end and what happens to these meanwhile, and what was lost. */
  readonly notes?: readonly string[];
}

/** One charge of the ledger. */
export interface LedgerLine {
  readonly runId: string;
  readonly attempt: number;
  readonly platform: string;
  readonly leaseId: string;
  readonly from: string;
  /** Now, for a lease that still bills. */
  readonly to: string;
  readonly billedSeconds: number;
  readonly amount: Money;
  readonly kind: ChargeKind;
  /** Why this machine was rented at all, where a rule of the user's own asked for it. */
  readonly note?: string;
}

/** What a charge is for. `surcharge`: by the hour beside the machine. `tax`: on the other charges of the lease. */
export type ChargeKind = "compute" | "disk" | "public-ip" | "surcharge" | "egress" | "tax";
