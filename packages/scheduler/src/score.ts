import { domesticMaturity, neutralTraits, type PlatformTraits } from "@gpujob/catalog";
import { formatMoney, isDomesticVendor, rankDimensions } from "@gpujob/spec";
import type { Money, Offer, RankDimension, RankPart, RankScore } from "@gpujob/spec";
import type { Belief, PlaceBelief } from "./place-belief.ts";
import type { Profile } from "./profiles.ts";

/** What a score is made of. */
export interface ScoreInput {
  readonly offer: Offer;
  /** What the whole job is expected to cost here. */
  readonly totalPrice: Money;
  readonly belief: PlaceBelief;
  readonly traits: PlatformTraits | undefined;
}

/** The prices that a price is held against. */
export interface PriceScale {
  /** The cheapest of all that fit. */
  readonly lowest: Money;
  /** The cheapest of those that cost anything; absent: all are free. */
  readonly lowestPaid?: Money;
}

/** One offer's share of each dimension, and why; counted before words are made. */
type Shares = Readonly<Record<RankDimension, number>>;

/** A platform that loses so many of its machines gets nothing for stability. */
const worstLoss = 0.2;

/** The scale for a set of offers. */
export function priceScale(prices: readonly Money[]): PriceScale | undefined {
  const lowest = cheapest(prices);
  if (lowest === undefined) return undefined;
  const lowestPaid = cheapest(prices.filter(({ micros }) => micros > 0));
  return { lowest, ...(lowestPaid === undefined ? {} : { lowestPaid }) };
}

function cheapest(prices: readonly Money[]): Money | undefined {
  return prices.reduce<Money | undefined>(
    (best, price) => (best === undefined || price.micros < best.micros ? price : best),
    undefined,
  );
}

/** Points out of 100, not rounded: what offers are sorted by. */
export function pointsOf(profile: Profile, input: ScoreInput, scale: PriceScale): number {
  const shares = sharesOf(input, scale);
  return rankDimensions.reduce(
    (sum, dimension) => sum + (profile.weights[dimension] ?? 0) * shares[dimension],
    0,
  );
}

/** The same with its parts and their reasons, for people. */
export function explainScore(profile: Profile, input: ScoreInput, scale: PriceScale): RankScore {
  const shares = sharesOf(input, scale);
  const parts = rankDimensions.flatMap((dimension): RankPart[] => {
    const weight = profile.weights[dimension];
    if (weight === undefined) return [];
    return [
      {
        dimension,
        weight,
        share: roundTo(shares[dimension], 3),
        why: whyOf(dimension, input, scale),
      },
    ];
  });
  const points = pointsOf(profile, input, scale);
  return { profile: profile.name, points: roundTo(points, 1), parts };
}

function roundTo(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals;
}

function sharesOf({ offer, totalPrice, belief, traits }: ScoreInput, scale: PriceScale): Shares {
  return {
    price: priceShare(totalPrice, scale),
    availability: belief.stock.share,
    stability: Math.max(0, 1 - (1 - belief.stability.share) / worstLoss),
    ease: (traits ?? neutralTraits).ease.share,
    domestic: domesticOf(offer, traits).share,
    support: (traits ?? neutralTraits).support.share,
  };
}

/** The cheapest gets all of it, one at twice that price half. Where something is free, what costs gets at most a half. */
function priceShare({ micros }: Money, { lowest, lowestPaid }: PriceScale): number {
  if (micros <= 0) return 1;
  const best = (lowestPaid ?? lowest).micros / micros;
  return lowest.micros <= 0 ? best / 2 : best;
}

function domesticOf(
  { gpu }: Offer,
  traits: PlatformTraits | undefined,
): { readonly share: number; readonly why: string } {
  if (gpu === undefined || !isDomesticVendor(gpu.vendor)) {
    return { share: 0, why: "no domestic accelerator" };
  }
  const card = domesticMaturity(gpu.vendor);
  const place = traits?.domestic;
  // The card says whether frameworks run at all, its platform whether somebody sees to it.
  if (place === undefined) return { share: card.share * 0.5, why: card.why };
  return { share: card.share * place.share, why: `${card.why}; ${place.why}` };
}

function whyOf(
  dimension: RankDimension,
  { offer, totalPrice, belief, traits }: ScoreInput,
  { lowest, lowestPaid }: PriceScale,
): string {
  switch (dimension) {
    case "price":
      return `${formatMoney(totalPrice)}, the cheapest ${formatMoney(totalPrice.micros > 0 ? (lowestPaid ?? lowest) : lowest)}`;
    case "availability":
      return whyBelieved(belief.stock, "gave a machine");
    case "stability":
      return whyBelieved(belief.stability, "stayed until given back");
    case "ease":
      return (traits ?? neutralTraits).ease.why;
    case "domestic":
      return domesticOf(offer, traits).why;
    case "support":
      return (traits ?? neutralTraits).support.why;
  }
}

function whyBelieved({ seen, why }: Belief, what: string): string {
  return seen.of === 0 ? why : `${seen.times} of ${seen.of} ${what} here; ${why}`;
}
