import type { JobSpec, Offer } from "@gpujob/spec";
import type { Exclusion } from "./exclusions.ts";
import { compileMatcher, type MatchContext } from "./match.ts";
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
  const matchCard = remember(
    (group: OfferGroup) => group.card,
    ({ gpu }) => matcher.gpu(gpu),
  );
  const matchPlace = remember(
    (group: OfferGroup) => group.place,
    ({ place }) => matcher.place(place),
  );
  const join = compileJoin();
  const fitting: FittingOffer[] = [];
  for (const group of index.groups) {
    const card = matchCard(group);
    if (card.misses.length > 0 && heard === undefined) continue;
    const shared = join(matchPlace(group), card.misses);
    if (shared.length > 0 && heard === undefined) continue;
    if (shared.length > 0 && heard?.group !== undefined) {
      heard.group(group, shared);
      continue;
    }
    for (const offer of index.read(group)) {
      const own = matcher.offer(offer);
      if (shared.length === 0 && own.length === 0) {
        fitting.push({ offer, gpuPreference: card.preference });
      } else heard?.offer(offer, own.length === 0 ? shared : [...shared, ...own]);
    }
  }
  return fitting;
}

/** Asks once for each key. */
function remember<Question, Answer>(
  keyOf: (question: Question) => unknown,
  ask: (question: Question) => Answer,
): (question: Question) => Answer {
  const known = new Map<unknown, Answer>();
  return (question) => {
    const key = keyOf(question);
    const before = known.get(key);
    if (before !== undefined) return before;
    const answer = ask(question);
    known.set(key, answer);
    return answer;
  };
}

/** Both lists as one, and the same one for lists that say the same. */
function compileJoin(): (first: readonly Miss[], second: readonly Miss[]) => readonly Miss[] {
  const known = new Map<readonly Miss[], Map<readonly Miss[], readonly Miss[]>>();
  const byText = new Map<string, readonly Miss[]>();
  return (first, second) => {
    if (first.length === 0) return second;
    const behind = known.get(first) ?? new Map<readonly Miss[], readonly Miss[]>();
    known.set(first, behind);
    const before = behind.get(second);
    if (before !== undefined) return before;
    const joined = [...first, ...second];
    const text = joined.map((miss) => miss.text).join("\n");
    const same = byText.get(text) ?? joined;
    byText.set(text, same);
    behind.set(second, same);
    return same;
  };
}
