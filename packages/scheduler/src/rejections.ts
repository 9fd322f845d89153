import type { Offer, PlanRejection } from "@gpujob/spec";
import type { Miss } from "./miss.ts";
import type { OfferGroup } from "./offer-index.ts";

/** What is told of an offer that does not fit. */
export type ToRejection = (
  offer: Pick<Offer, "platform" | "offerId">,
  misses: readonly Miss[],
) => PlanRejection;

/** Offers that miss alike share one list of reasons: there may be tens of thousands. */
export function compileRejection(): ToRejection {
  const seen = new Map<readonly Miss[], Pick<PlanRejection, "reasons" | "keys">>();
  return ({ platform, offerId }, misses) => {
    const known = seen.get(misses);
    if (known !== undefined) return { platform, offerId, ...known };
    const reasons = misses.map(({ text }) => text);
    const made = { reasons, keys: misses.map(({ key }) => key) };
    seen.set(misses, made);
    return { platform, offerId, ...made };
  };
}

interface Counted {
  readonly first: OfferGroup;
  count: number;
}

/** Makes groups of one platform that miss alike one rejection with a count. */
export function groupRejections(toRejection: ToRejection): {
  readonly add: (group: OfferGroup, misses: readonly Miss[]) => void;
  readonly all: () => readonly PlanRejection[];
} {
  const byPlatform = new Map<string, Map<readonly Miss[], Counted>>();
  return {
    add(group, misses) {
      const { platform } = group.place;
      const own = byPlatform.get(platform) ?? new Map<readonly Miss[], Counted>();
      byPlatform.set(platform, own);
      const known = own.get(misses);
      if (known === undefined) own.set(misses, { first: group, count: group.count });
      else known.count += group.count;
    },
    all: () =>
      [...byPlatform].flatMap(([platform, own]) =>
        Array.from(own, ([misses, { first, count }]) => ({
          ...toRejection({ platform, offerId: first.firstId }, misses),
          count,
        })),
      ),
  };
}
