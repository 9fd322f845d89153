import { formatMoney, type JobSpec, type RankScore } from "@gpujob/spec";
import { explainBehind, explainBest } from "./explain-standing.ts";
import type { PricedOffer } from "./priced-offer.ts";
import { joinOr } from "./text.ts";

/** One sentence: why an offer stands where it stands. What its price leaves open is in the breakdown. */
export function explainRank(
  priced: PricedOffer,
  position: number,
  all: readonly PricedOffer[],
  job: JobSpec,
): string {
  const first = all[0];
  const place =
    position === 0 || first === undefined
      ? explainFirst(
          priced,
          all.filter(({ isStale }) => isStale === priced.isStale),
          job,
        )
      : explainOther(priced, first);
  if (!priced.isStale) return `${place}.`;
  const told = place.charAt(0).toLowerCase() + place.slice(1);
  return `As it was when ${priced.offer.platform} last answered: ${told}.`;
}

function explainFirst(priced: PricedOffer, all: readonly PricedOffer[], job: JobSpec): string {
  if (all.length === 1) return "The only offer that fits";
  const { score } = priced.standing.explain();
  if (score !== undefined) {
    const others = all.filter((one) => one !== priced).flatMap(withScore);
    const order = sayOrder(priced, job);
    const best = explainBest(priced, score, others);
    return order.length === 0 ? best : `${best}, in the order asked for: ${joinOr(order)}`;
  }
  const isCheapest = all.every(({ due }) => due.micros >= priced.due.micros);
  if (isCheapest) return `Cheapest of ${all.length} that fit`;
  const causes = sayOrder(priced, job);
  if (causes.length > 0) return `Cheapest in the order asked for: ${joinOr(causes)}`;
  return `Cheapest of ${all.length} that fit, once what own leases told is counted in`;
}

/** Why a price that is lower comes later all the same: what was learnt at this place, or at the first one. */
function sayLearnt({ standing }: PricedOffer, first: PricedOffer): string {
  const { countsAs, because } = standing;
  if (countsAs !== undefined && because !== undefined) {
    return `, but counts as ${formatMoney(countsAs)}, as ${because}`;
  }
  return first.standing.countsAs === undefined ? "" : ", which own leases speak for";
}

function withScore(priced: PricedOffer): readonly {
  readonly priced: PricedOffer;
  readonly score: RankScore;
}[] {
  const { score } = priced.standing.explain();
  return score === undefined ? [] : [{ priced, score }];
}

/** What of the job file itself puts an offer first. */
function sayOrder(priced: PricedOffer, { resources, platforms }: JobSpec): readonly string[] {
  return [
    ...(resources.isOrderedPreference ? ["the first accelerator asked for that there is"] : []),
    ...(priced.platformPreference < platforms.prefer.length
      ? [`platform ${priced.offer.platform} is preferred`]
      : []),
  ];
}

function explainOther(priced: PricedOffer, first: PricedOffer): string {
  const { currency } = priced.due;
  const more = priced.due.micros - first.due.micros;
  const difference =
    more === 0
      ? "Same price as the first"
      : `${formatMoney({ currency, micros: Math.abs(more) })} ${more > 0 ? "more" : "less"} than the first`;
  if (priced.gpuPreference > first.gpuPreference) {
    return `${difference}, with an accelerator asked for later`;
  }
  if (priced.platformPreference > first.platformPreference) {
    return `${difference}, on a platform that is preferred less`;
  }
  const [own] = withScore(priced);
  const [best] = withScore(first);
  if (own !== undefined && best !== undefined) return explainBehind(priced, own.score, best);
  return more >= 0 || priced.isStale ? difference : `${difference}${sayLearnt(priced, first)}`;
}
