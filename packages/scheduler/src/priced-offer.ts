import type { Money, Offer, PlanCandidate } from "@gpujob/spec";
import type { OfferQuote } from "./price.ts";
import type { Standing } from "./standing.ts";

/** An offer that fits, on its way to a rank. */
export interface PricedOffer {
  /** At the terms of the user's account. */
  readonly offer: Offer;
  /** As its platform told it; the same object as in the index. */
  readonly told: Offer;
  readonly quote: OfferQuote;
  /** Where coupons or prepaid hours of the account pay a part. */
  readonly toPay?: NonNullable<PlanCandidate["toPay"]>;
  /** What the user pays: offers are ranked by it. */
  readonly due: Money;
  /** Position of the answered request where the job orders them, else 0. */
  readonly gpuPreference: number;
  /** Position in `platforms.prefer`; its length for the platforms not named there. */
  readonly platformPreference: number;
  /** What it is ranked by after those two. */
  readonly standing: Standing;
  /** Is it of a platform that did not answer now? */
  readonly isStale: boolean;
}
