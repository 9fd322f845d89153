export { billAmount, billSeconds } from "./billing.ts";
export {
  addExclusion,
  dropExpired,
  exclusionKey,
  isExcluded,
  makeExclusion,
  readExclusion,
} from "./exclusions.ts";
export type { Exclusion } from "./exclusions.ts";
export { findOffers } from "./find-offers.ts";
export type { FittingOffer, OfferQuestion } from "./find-offers.ts";
export { makePlan, rankOffers } from "./make-plan.ts";
export type { PlanInput, RankedOffer, RankedPlan } from "./make-plan.ts";
export { imageFor } from "./image.ts";
export { readRecords, typeKey } from "./place-record.ts";
export type { PlaceRecord, Records } from "./place-record.ts";
export { describeRecord } from "./describe-record.ts";
export { findProfile } from "./profiles.ts";
export type { Profile } from "./profiles.ts";
export { matchOffer } from "./match.ts";
export type { MatchContext } from "./match.ts";
export { indexOffers, joinIndexes } from "./offer-index.ts";
export type { OfferIndex } from "./offer-index.ts";
export { openPackedOffers, packOffers } from "./pack-offers.ts";
export { hourlyPrice } from "./hourly-price.ts";
export { priceOffer } from "./price.ts";
export type { OfferQuote, PriceContext } from "./price.ts";
export { expectedReworkSeconds } from "./expected-rework.ts";
export {
  billCompute,
  chargeLease,
  computeTerms,
  extraDiskGib,
  paidPerHour,
  spendingPerHour,
} from "./bill.ts";
export type { LeaseCharge, LeaseUse } from "./bill.ts";
export { withAccount } from "./own-account.ts";
export type { Accounts } from "./own-account.ts";
export { openPurse } from "./own-credit.ts";
export { adviseTerms } from "./advise-terms.ts";
export type { MachineUse, TermAdvice, TermComparison, TermOffer } from "./advise-terms.ts";
export type { Bill, Payment, Purse } from "./own-credit.ts";
export { decideAfterFailure } from "./decide-failover.ts";
export type { FailoverDecision, FailureSituation } from "./decide-failover.ts";
export { judgeProbe, matrixRate } from "./judge-probe.ts";
export type { ProbeVerdict, UsualRates } from "./judge-probe.ts";
export { exitCodeOf } from "./exit-codes.ts";
export { explainNoOffer } from "./explain-no-offer.ts";
export type { NoOffer } from "./explain-no-offer.ts";
export { modelDiskGib } from "./model-fit.ts";
export { shapeOf } from "./model-shape.ts";
