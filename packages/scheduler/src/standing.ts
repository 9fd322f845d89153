import type { PlatformTraits } from "@gpujob/catalog";
import type { JobSpec, Money, Offer, PlanCandidate } from "@gpujob/spec";
import { believe, experienceFactor, type PlaceBelief } from "./place-belief.ts";
import { describeRecord } from "./describe-record.ts";
import { typeKey, type PlaceRecord, type Records } from "./place-record.ts";
import type { TraitsByPlatform } from "./profile-demands.ts";
import { findProfile } from "./profiles.ts";
import { countOf, joinAnd } from "./text.ts";
import { explainScore, pointsOf, priceScale, type ScoreInput } from "./score.ts";

/** What ranking needs beside prices. */
export interface StandingContext {
  /** What people say of the platforms, by the configured name. */
  readonly traitsByPlatform?: TraitsByPlatform;
  /** What was learnt from own leases. */
  readonly records?: Records;
}

/** What an offer is ranked by, beside what the job orders itself. */
export interface Standing {
  /** The lower, the better: micros that the price counts as, or, under a profile, points with their sign turned. */
  readonly order: number;
  /** What own experience makes of the price; absent where it changes nothing. */
  readonly countsAs?: Money;
  /** Why the price counts as more than it is, in a clause. */
  readonly because?: string;
  /** The words for it; made when they are asked for. */
  readonly explain: () => Pick<PlanCandidate, "score" | "experience">;
}

interface Priced {
  readonly offer: Offer;
  readonly due: Money;
}

/** Gives each offer its standing under the job's profile; in the order of the offers. */
export function standOf(
  job: Pick<JobSpec, "profile">,
  priced: readonly Priced[],
  { traitsByPlatform = {}, records }: StandingContext,
): readonly Standing[] {
  const profile = findProfile(job.profile);
  const scale = priceScale(priced.map(({ due }) => due));
  // There may be thousands of offers, and a few dozens of places.
  const known = compileKnown(records);
  return priced.map(({ offer, due }) => {
    if (profile === undefined || scale === undefined) return byPrice({ offer, due }, known);
    const traits = traitsByPlatform[offer.platform];
    const belief = known.belief(offer, traits);
    const input: ScoreInput = { offer, totalPrice: due, belief, traits };
    return {
      // Rounded, so that what is equal for people is ordered by the next rule and not by the last bit.
      order: -Math.round(pointsOf(profile, input, scale) * 1e6),
      explain: once(() => ({
        score: explainScore(profile, input, scale),
        ...experienceOf(known.record(offer)),
      })),
    };
  });
}

/** What was learnt, each place looked up and put into words once. */
interface Known {
  readonly belief: (offer: Offer, traits: PlatformTraits | undefined) => PlaceBelief;
  readonly platform: (offer: Offer) => PlaceRecord | undefined;
  readonly record: (offer: Offer) => Described | undefined;
}

interface Described {
  readonly seen: readonly string[];
}

function compileKnown(records: Records | undefined): Known {
  const described = new Map<PlaceRecord, Described>();
  const beliefs = new Map<string, PlaceBelief>();
  return {
    belief(offer, traits) {
      const key = `${typeKey(offer)}\t${offer.availability}`;
      const belief = beliefs.get(key) ?? believe(offer, traits, records);
      beliefs.set(key, belief);
      return belief;
    },
    platform: (offer) => records?.byPlatform[offer.platform],
    record(offer) {
      const record = records?.byType[typeKey(offer)] ?? records?.byPlatform[offer.platform];
      if (record === undefined) return undefined;
      const words = described.get(record) ?? { seen: describeRecord(record) };
      described.set(record, words);
      return words;
    },
  };
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** The cheapest first, where own experience makes a price count for a little more or less. */
function byPrice({ offer, due }: Priced, known: Known): Standing {
  const platform = known.platform(offer);
  // Against what anybody would expect of an unknown platform, so that reputation changes no price.
  const factor = platform === undefined ? 1 : experienceFactor(known.belief(offer, undefined));
  const micros = Math.round(due.micros * factor);
  const countsAs = micros === due.micros ? undefined : { currency: due.currency, micros };
  return {
    order: micros,
    ...(countsAs === undefined ? {} : { countsAs }),
    ...becauseOf(platform),
    explain: once(() => experienceOf(known.record(offer), countsAs)),
  };
}

/** A bill that is so much above the quote is worth a word. */
const worthSaying = 0.005;

function becauseOf(record: PlaceRecord | undefined): Pick<Standing, "because"> {
  if (record === undefined) return {};
  const { failures, billedOverQuoted = 1 } = record;
  const more = Math.round((billedOverQuoted - 1) * 100);
  const clauses = [
    ...(failures.times === 0
      ? []
      : [`${failures.times} of ${countOf(failures.of, "machine")} failed or was lost there`]),
    ...(billedOverQuoted - 1 < worthSaying ? [] : [`it billed ${more} % above quote`]),
  ];
  return clauses.length === 0 ? {} : { because: joinAnd(clauses) };
}

function experienceOf(
  known: Described | undefined,
  countsAs?: Money,
): Pick<PlanCandidate, "experience"> {
  if (known === undefined) return {};
  const { seen } = known;
  return { experience: { seen, ...(countsAs === undefined ? {} : { countsAs }) } };
}
