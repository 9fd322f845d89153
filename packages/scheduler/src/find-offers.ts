import type { JobSpec, Offer } from "@gpujob/spec";
import type { Exclusion } from "./exclusions.ts";
import type { GpuMatch } from "./match-gpu.ts";
import { compileMatcher, type MatchContext } from "./match.ts";
import type { Miss } from "./miss.ts";
import type { OfferIndex } from "./offer-index.ts";

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

/**
 * The offers that fit a job, in the order of the index. `onMiss` is told of every other offer with all its misses, the
 * same array for offers that miss alike; without it, offers that fail together are passed over together.
 */
export function findOffers(
  { job, index, exclusions, ...context }: OfferQuestion,
  onMiss?: (offer: Offer, misses: readonly Miss[]) => void,
): readonly FittingOffer[] {
  const matcher = compileMatcher(job, exclusions, context);
  const cards = new Map<string, GpuMatch>();
  const fitting: FittingOffer[] = [];
  for (const { card, offers } of index.groups) {
    const first = offers[0];
    if (first === undefined) continue;
    const match = cards.get(card) ?? matcher.gpu(first.gpu);
    cards.set(card, match);
    if (match.misses.length > 0 && onMiss === undefined) continue;
    const shared = [...matcher.place(first), ...match.misses];
    if (shared.length > 0 && onMiss === undefined) continue;
    for (const offer of offers) {
      const own = matcher.offer(offer);
      if (shared.length === 0 && own.length === 0) {
        fitting.push({ offer, gpuPreference: match.preference });
      } else onMiss?.(offer, own.length === 0 ? shared : [...shared, ...own]);
    }
  }
  return fitting;
}
