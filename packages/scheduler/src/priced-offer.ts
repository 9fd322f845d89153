import type { Offer } from "@gpujob/spec";
import type { OfferQuote } from "./price.ts";

/** An offer that fits, on its way to a rank. */
export interface PricedOffer {
  readonly offer: Offer;
  readonly quote: OfferQuote;
  /** Position of the answered request where the job orders them, else 0. */
  readonly gpuPreference: number;
  /** Position in `platforms.prefer`; its length for the platforms not named there. */
  readonly platformPreference: number;
  /** Is it of a platform that did not answer now? */
  readonly isStale: boolean;
}
