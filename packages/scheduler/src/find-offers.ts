import type { JobSpec, Offer } from "@gpujob/spec";
import type { Exclusion } from "./exclusions.ts";
import type { GpuMatch } from "./match-gpu.ts";
import { compileMatcher, type MatchContext } from "./match.ts";
import type { Place } from "./match-place.ts";
import type { Miss } from "./miss.ts";
import type { OfferGroup, OfferIndex } from "./offer-index.ts";

/** An offer that fits, and which of the job's accelerator requests it answers. */
export interface FittingOffer {
  readonly offer: Offer;
  /** From 0; lower is preferred by an ordered list. */
  readonly gpuPreference: number;
}

/** What was asked, and of which offers. */
export interface OfferQuestion extends MatchContext {
  readonly job: JobSpec;
  readonly index: OfferIndex;
  /** Those that hold now: see `dropExpired`. */
  readonly exclusions: readonly Exclusion[];
}

/** Told of what does not fit, while offers are looked for. */
export interface MissHearer {
  /** An offer with all its misses: the same array for offers that miss alike. */
  readonly offer: (offer: Offer, misses: readonly Miss[]) => void;
  /**
   * A whole group that misses by what its offers share. Where it is there, what else each of them misses is not looked
   * for; where it is not, every offer is told of by itself.
   */
  readonly group?: (group: OfferGroup, misses: readonly Miss[]) => void;
}

/**
 * The offers that fit a job, in the order of the index. `heard` is told of all others; without it, offers that fail
 * together are passed over together.
 */
export function findOffers(
  { job, index, exclusions, ...context }: OfferQuestion,
  heard?: MissHearer,
): readonly FittingOffer[] {
  const matcher = compileMatcher(job, exclusions, context);
  const cards = new Map<string, GpuMatch>();
  const places = new Map<Place, readonly Miss[]>();
  const fitting: FittingOffer[] = [];
  for (const group of index.groups) {
    const match = cards.get(group.card) ?? matcher.gpu(group.gpu);
    cards.set(group.card, match);
    if (match.misses.length > 0 && heard === undefined) continue;
    const place = places.get(group.place) ?? matcher.place(group.place);
    places.set(group.place, place);
    const shared = place.length === 0 ? match.misses : [...place, ...match.misses];
    if (shared.length > 0 && heard === undefined) continue;
    if (shared.length > 0 && heard?.group !== undefined) {
      heard.group(group, shared);
      continue;
    }
    for (const offer of group.offers) {
      const own = matcher.offer(offer);
      if (shared.length === 0 && own.length === 0) {
        fitting.push({ offer, gpuPreference: match.preference });
      } else heard?.offer(offer, own.length === 0 ? shared : [...shared, ...own]);
    }
  }
  return fitting;
}
