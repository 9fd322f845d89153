import { neutralTraits, type PlatformTraits } from "@gpujob/catalog";
import type { Offer } from "@gpujob/spec";
import { believedShare, type Prior, type Tally } from "./estimate.ts";
import type { PlaceRecord, Records } from "./place-record.ts";
import { typeKey } from "./place-record.ts";

/** What is reckoned with at one place: the platform's reputation, moved by what was seen there. */
export interface PlaceBelief {
  /** Share of asks that give a machine. */
  readonly stock: Belief;
  /** Share of machines that stay until they are given back, spot machines that are taken away aside. */
  readonly stability: Belief;
  /** Charged over quoted compute; 1 where nothing was compared. */
  readonly billedOverQuoted: number;
}

export interface Belief {
  /** From 0 to 1. */
  readonly share: number;
  /** What would be believed without own experience. */
  readonly before: number;
  /** What was seen of this kind of machine and elsewhere on its platform. */
  readonly seen: Tally;
  /** Where the belief comes from without own experience, in a few words. */
  readonly why: string;
}

/** So many samples of our own count for as much as a platform's reputation. */
const strength = 10;
/** Bills are more alike than machines: so many make a habit. */
const billStrength = 5;

/** What an offer's own word about its stock is worth, before anything was seen. */
const stockWords = { high: 0.95, low: 0.6 } as const;

/**
 * What to expect of an offer. The belief about its platform is the reputation moved by what was seen of other kinds of
 * machine there; about this kind, that one moved by what was seen of itself. Each sample counts once.
 */
export function believe(
  offer: Offer,
  traits: PlatformTraits | undefined,
  records: Records | undefined,
): PlaceBelief {
  const platform = records?.byPlatform[offer.platform];
  const type = records?.byType[typeKey(offer)];
  const { stock, stability } = traits ?? neutralTraits;
  const word = stockWord(offer, stock);
  return {
    stock: beliefOf(
      word,
      tallies(platform, type, "creates", (tally) => tally),
    ),
    stability: beliefOf(stability, tallies(platform, type, "failures", good)),
    billedOverQuoted: billing(platform),
  };
}

function good({ times, of }: Tally): Tally {
  return { times: of - times, of };
}

function tallies(
  platform: PlaceRecord | undefined,
  type: PlaceRecord | undefined,
  key: "creates" | "failures",
  read: (tally: Tally) => Tally,
): { readonly own: Tally; readonly others: Tally } {
  const none: Tally = { times: 0, of: 0 };
  const all = read(platform?.[key] ?? none);
  const own = read(type?.[key] ?? none);
  return { own, others: { times: all.times - own.times, of: all.of - own.of } };
}

function beliefOf(
  before: { readonly share: number; readonly why: string },
  { own, others }: { readonly own: Tally; readonly others: Tally },
): Belief {
  const prior = (share: number): Prior => ({ share, strength });
  const platform = believedShare(others, prior(before.share));
  return {
    share: believedShare(own, prior(platform)),
    before: before.share,
    seen: { times: own.times + others.times, of: own.of + others.of },
    why: before.why,
  };
}

/** An offer that tells its stock is believed as far as that goes; one that does not, as far as its platform is. */
function stockWord(
  { availability }: Offer,
  stock: { readonly share: number; readonly why: string },
): { readonly share: number; readonly why: string } {
  if (availability === "unknown") return stock;
  if (typeof availability === "number") {
    // Few machines may be gone by the time one is asked for.
    const share = availability >= 3 ? stockWords.high : 0.9;
    return { share: (share + stock.share) / 2, why: `${availability} left; ${stock.why}` };
  }
  const word = availability === "high" ? stockWords.high : stockWords.low;
  return { share: (word + stock.share) / 2, why: `stock is ${availability}; ${stock.why}` };
}

function billing(platform: PlaceRecord | undefined): number {
  const { bills = 0, billedOverQuoted = 1 } = platform ?? {};
  return (billedOverQuoted * bills + billStrength) / (bills + billStrength);
}

/** A machine that is lost takes, on average, so much of the job's price with it. */
const lostShare = 0.5;

/**
 * What a price counts as once own experience is added, as a factor: the expected bill over the quoted one, times the part
 * of the job that lost machines are expected to cost above what the platform's reputation makes everybody expect.
 * 1 without experience. One failure of one makes 1.05, a hundred good ones 0.98: a platform is never banished by bad luck.
 */
export function experienceFactor({ stability, billedOverQuoted }: PlaceBelief): number {
  const lost = (share: number): number => (1 - share) / Math.max(share, leastShare);
  const more = lostShare * (lost(stability.share) - lost(stability.before));
  return billedOverQuoted * Math.max(leastFactor, 1 + more);
}

/** Nothing is so bad that its price counts more than tenfold, nor so good that it counts for nothing. */
const leastShare = 0.05;
const leastFactor = 0.5;
