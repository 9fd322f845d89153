import type {
  Capabilities,
  Currency,
  ExchangeRate,
  JobSpec,
  Offer,
  Plan,
  PlanCandidate,
  PlanMissing,
  PlanRejection,
} from "@gpujob/spec";
import { compareIds, compareText } from "./compare.ts";
import type { Exclusion } from "./exclusions.ts";
import { findOffers } from "./find-offers.ts";
import { compileModelFit, type ModelFit } from "./model-fit.ts";
import { planModel } from "./model-plan.ts";
import { indexOffers, type OfferIndex } from "./offer-index.ts";
import { type Accounts, withAccount } from "./own-account.ts";
import { payQuote, type Purse } from "./own-credit.ts";
import { compilePlaces, describeSending, type PlaceContext, withLearnt } from "./place-context.ts";
import { priceOffer } from "./price.ts";
import type { PricedOffer } from "./priced-offer.ts";
import { compileRejection, groupRejections } from "./rejections.ts";
import { explainRank } from "./explain-rank.ts";
import { standOf, type StandingContext } from "./standing.ts";

/** Everything a plan depends on: the same input gives the same plan. */
export interface PlanInput extends StandingContext, PlaceContext {
  readonly job: JobSpec;
  /** All offers of all platforms that answered, or an index of them made before. */
  readonly offers: readonly Offer[] | OfferIndex;
  /** Platforms that did not answer, and why. */
  readonly missing: readonly PlanMissing[];
  readonly capabilitiesByPlatform: Readonly<Record<string, Capabilities>>;
  /** Those that hold now: see `dropExpired`. */
  readonly exclusions: readonly Exclusion[];
  readonly rates: readonly ExchangeRate[];
  readonly currency: Currency;
  /** What the user's accounts have: rates, surcharges, prices that the platforms do not tell. */
  readonly accounts?: Accounts;
  /** What is left of coupons and prepaid hours; needs `nowMs`. */
  readonly purse?: Purse;
  /** Epoch milliseconds; absent: no deadline is looked at. */
  readonly nowMs?: number;
  /** Bytes that will be sent to each node; absent: not known. */
  readonly uploadBytes?: number;
  /** Bytes of outputs that will come home from each node; absent: not known. */
  readonly outputBytes?: number;
  /** Upload speed of this machine in Mbit/s. */
  readonly bandwidthMbps?: number;
  /** Platforms that did not answer now, whose offers are those of an answer before: they come after all others. */
  readonly stalePlatforms?: ReadonlySet<string>;
  /**
   * `grouped`: offers of a platform that miss by what they share are one rejection with a count, and what else each of
   * them misses is left out. A table shows no more, and of tens of thousands of offers few need to be read. @default "each"
   */
  readonly rejections?: "each" | "grouped";
}

/** A candidate together with the offer to rent. */
export interface RankedOffer {
  readonly candidate: PlanCandidate;
  readonly offer: Offer;
}

/** A plan for the engine: the same as the public one, with the offers. */
export interface RankedPlan extends Omit<Plan, "candidates"> {
  readonly ranked: readonly RankedOffer[];
}

/** The decision table that `plan` shows: what fits, cheapest first, and why everything else does not. */
export function makePlan(input: PlanInput): Plan {
  const { ranked, ...plan } = rankOffers(input);
  return { ...plan, candidates: ranked.map(({ candidate }) => candidate) };
}

/**
 * Filters, prices and ranks. Order: what was asked now before what was seen earlier, then the job's ordered accelerators,
 * then `platforms.prefer`, then what the job's profile makes of it (the price, or points), then total price, then platform
 * and offer id. Rejected offers come by platform, and together where they share region and accelerators.
 */
export function rankOffers(input: PlanInput): RankedPlan {
  const { job, offers, missing, rates, currency } = input;
  const index = "groups" in offers ? offers : indexOffers(offers);
  const rejected: PlanRejection[] = [];
  const toRejection = compileRejection();
  const grouped = groupRejections(toRejection);
  const isStale = ({ platform }: Offer): boolean => input.stalePlatforms?.has(platform) === true;
  const fitting = findOffers(
    { ...input, index },
    {
      offer: (offer, misses) => void rejected.push(toRejection(offer, misses)),
      ...(input.rejections === "grouped" ? { group: grouped.add } : {}),
    },
  );
  const { nodes } = job.resources;
  const contextAt = compilePlaces(
    job,
    fitting.map(({ offer }) => offer),
    input,
  );
  const quoted = fitting.map(({ offer: told, gpuPreference }) => {
    const offer = withAccount(told, input.accounts);
    const quote = priceOffer(job, withLearnt(offer, input.records), contextAt(offer));
    const paid = payQuote(offer, quote, { ...input, nodes });
    return {
      offer,
      told,
      quote,
      ...paid,
      due: paid.toPay?.amount ?? quote.totalPrice,
      gpuPreference: job.resources.isOrderedPreference ? gpuPreference : 0,
      platformPreference: preferenceOf(job, offer.platform),
      isStale: isStale(offer),
    };
  });
  const standings = standOf(job, quoted, input);
  const sorted = quoted
    .flatMap((one, position): PricedOffer[] => {
      const standing = standings[position];
      return standing === undefined ? [] : [{ ...one, standing }];
    })
    .toSorted(comparePriced);
  const fit = compileModelFit(job);
  const model = planModel({ ...input, index }, sorted);
  return {
    ranked: sorted.map((one, position) => ({
      offer: one.offer,
      candidate: {
        ...toCandidate(one, position, sorted, job),
        ...roomOf(one.offer, fit),
        ...movesOf(one, input),
      },
    })),
    rejected: [...grouped.all(), ...rejected],
    missing: missing.toSorted((a, b) => compareText(a.platform, b.platform)),
    currency,
    exchangeRates: rates,
    ...(model === undefined ? {} : { model }),
  };
}

function roomOf({ gpu }: Offer, fit: ModelFit | undefined): Pick<PlanCandidate, "model"> {
  if (gpu === undefined || fit === undefined) return {};
  const needGib = fit(gpu.count);
  return { model: { needGib, headroomGib: gpu.vramGib - needGib } };
}

function movesOf(
  { offer, quote }: PricedOffer,
  input: Pick<PlanInput, "leftToSend" | "uploadBytes">,
): Pick<PlanCandidate, "moves"> {
  const moves = [...describeSending(offer, input), ...quote.moves];
  return moves.length === 0 ? {} : { moves };
}

function preferenceOf({ platforms }: JobSpec, platform: string): number {
  const position = platforms.prefer.indexOf(platform);
  return position < 0 ? platforms.prefer.length : position;
}

function comparePriced(a: PricedOffer, b: PricedOffer): number {
  return (
    Number(a.isStale) - Number(b.isStale) ||
    a.gpuPreference - b.gpuPreference ||
    a.platformPreference - b.platformPreference ||
    a.standing.order - b.standing.order ||
    a.due.micros - b.due.micros ||
    compareIds(a.offer, b.offer)
  );
}

function toCandidate(
  priced: PricedOffer,
  position: number,
  all: readonly PricedOffer[],
  job: JobSpec,
): PlanCandidate {
  const { offer, quote } = priced;
  return {
    rank: position + 1,
    offerId: offer.offerId,
    platform: offer.platform,
    region: offer.region,
    ...(offer.zone === undefined ? {} : { zone: offer.zone }),
    instanceType: offer.instanceType,
    ...(offer.gpu === undefined ? {} : { gpu: offer.gpu }),
    market: offer.market,
    pricePerHour: quote.pricePerHour,
    totalPrice: quote.totalPrice,
    breakdown: quote.breakdown,
    ...(offer.price.perHour.currency === quote.totalPrice.currency
      ? {}
      : { pricedIn: offer.price.perHour.currency }),
    ...(priced.toPay === undefined ? {} : { toPay: priced.toPay }),
    availability: String(offer.availability),
    observedAt: offer.observedAt,
    ...(priced.isStale ? { isStale: true } : {}),
    ...priced.standing.explain(),
    reason: explainRank(priced, position, all, job),
  };
}
