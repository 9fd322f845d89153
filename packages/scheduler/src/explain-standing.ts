import { formatMoney, type RankDimension, type RankScore } from "@gpujob/spec";
import { findProfile } from "./profiles.ts";
import type { PricedOffer } from "./priced-offer.ts";
import { joinAnd } from "./text.ts";

/** How one offer beats another in a dimension other than price. */
const better: Readonly<Record<Exclude<RankDimension, "price">, string>> = {
  availability: "likelier to be had",
  stability: "steadier",
  ease: "easier to start with",
  domestic: "better with domestic cards",
  support: "better supported",
};
const worse: Readonly<Record<Exclude<RankDimension, "price">, string>> = {
  availability: "less likely to be had",
  stability: "less steady",
  ease: "harder to start with",
  domestic: "weaker with domestic cards",
  support: "with less support",
};

/** Less than this many points is no difference to speak of. */
const leastPoints = 0.75;
const reasonsTold = 2;

/** Why the first is first under a profile. `next` is the one after it, `cheapest` the cheapest of all. */
export function explainBest(
  best: PricedOffer,
  score: RankScore,
  others: readonly { readonly priced: PricedOffer; readonly score: RankScore }[],
): string {
  const title = findProfile(score.profile)?.title ?? score.profile;
  const start = `Best of ${others.length + 1} that fit for ${title}`;
  const cheapest = others.reduce<(typeof others)[number] | undefined>(
    (found, one) => (one.priced.due.micros < (found?.priced.due ?? best.due).micros ? one : found),
    undefined,
  );
  if (cheapest === undefined) {
    const next = others[0];
    const strong = next === undefined ? [] : gains(score, next.score).map((each) => better[each]);
    return strong.length === 0
      ? `${start}: the cheapest`
      : `${start}: the cheapest and ${joinAnd(strong)}`;
  }
  const strong = gains(score, cheapest.score).map((each) => better[each]);
  const more = formatMoney({
    currency: best.due.currency,
    micros: best.due.micros - cheapest.priced.due.micros,
  });
  const why = strong.length === 0 ? "better in all together" : joinAnd(strong);
  return `${start}: ${why} than the cheapest, ${cheapest.priced.offer.platform}, for ${more} more`;
}

/** Why another comes after the first: what it is worse in, and what it has over it. */
export function explainBehind(
  priced: PricedOffer,
  score: RankScore,
  first: { readonly priced: PricedOffer; readonly score: RankScore },
): string {
  const more = priced.due.micros - first.priced.due.micros;
  const price =
    more === 0
      ? undefined
      : `${formatMoney({ currency: priced.due.currency, micros: Math.abs(more) })} ${more > 0 ? "more" : "less"}`;
  const weak = gains(first.score, score).map((each) => worse[each]);
  const strong = gains(score, first.score).map((each) => better[each]);
  const against = [...(more > 0 && price !== undefined ? [price] : []), ...weak];
  const inFavour = [...(more < 0 && price !== undefined ? [price] : []), ...strong];
  if (against.length === 0 && inFavour.length === 0) return "As good as the first";
  if (against.length === 0) return `Just behind the first, though ${joinAnd(inFavour)}`;
  const text = `${joinAnd(against)} than the first`;
  return capital(inFavour.length === 0 ? text : `${text}, though ${joinAnd(inFavour)}`);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What one has over another beside its price, the most points first. */
function gains(one: RankScore, other: RankScore): readonly (keyof typeof better)[] {
  const differences = one.parts.flatMap(({ dimension, weight, share }) => {
    if (dimension === "price") return [];
    const against = other.parts.find((part) => part.dimension === dimension)?.share ?? 0;
    return [{ dimension, points: weight * (share - against) }];
  });
  return differences
    .filter(({ points }) => points >= leastPoints)
    .toSorted((a, b) => b.points - a.points)
    .slice(0, reasonsTold)
    .map(({ dimension }) => dimension);
}
