import type { Offer, OfferGpu } from "@gpujob/spec";
import { compareIds, compareText } from "./compare.ts";
import type { Place } from "./match-place.ts";

/** Offers that share platform, region, country, market and accelerators, so that these are checked once. */
export interface OfferGroup {
  /** The same text for the same accelerators. */
  readonly card: string;
  readonly place: Place;
  readonly gpu?: OfferGpu;
  readonly count: number;
  /** Id of the first of them. */
  readonly firstId: string;
}

/** Offers made ready for quick questions. Its order hangs on names alone. */
export interface OfferIndex {
  readonly groups: readonly OfferGroup[];
  readonly size: number;
  /** The offers of one of the groups; they may be made at the first look, and most groups are never looked at. */
  readonly read: (group: OfferGroup) => readonly Offer[];
}

/** Sorts offers by platform and id, and groups them. Takes some tens of milliseconds for tens of thousands. */
export function indexOffers(offers: readonly Offer[]): OfferIndex {
  const found = new Map<string, [Offer, ...Offer[]]>();
  for (const offer of offers.toSorted(compareIds)) {
    const key = `${offer.platform}\t${offer.region}\t${offer.country ?? ""}\t${offer.market}\t${cardKey(offer.gpu)}`;
    const group = found.get(key);
    if (group === undefined) found.set(key, [offer]);
    else group.push(offer);
  }
  const members = new Map(
    Array.from(found.values(), (own): [OfferGroup, readonly Offer[]] => [toGroup(own), own]),
  );
  return {
    groups: [...members.keys()],
    size: offers.length,
    read: (group) => members.get(group) ?? [],
  };
}

function toGroup(members: readonly [Offer, ...Offer[]]): OfferGroup {
  const [first] = members;
  return {
    card: cardKey(first.gpu),
    place: placeOf(first),
    ...(first.gpu === undefined ? {} : { gpu: first.gpu }),
    count: members.length,
    firstId: first.offerId,
  };
}

/** Several indexes as one. Each platform's offers are in one of them. */
export function joinIndexes(indexes: readonly OfferIndex[]): OfferIndex {
  const [only] = indexes;
  if (only !== undefined && indexes.length === 1) return only;
  const owners = new Map<string, OfferIndex>();
  for (const index of indexes) {
    for (const { place } of index.groups) owners.set(place.platform, index);
  }
  return {
    groups: indexes
      .flatMap(({ groups }) => groups)
      .toSorted((a, b) => compareText(a.place.platform, b.place.platform)),
    size: indexes.reduce((sum, { size }) => sum + size, 0),
    read: (group) => owners.get(group.place.platform)?.read(group) ?? [],
  };
}

/** The same text for accelerators that no job tells apart. */
export function cardKey(gpu: OfferGpu | undefined): string {
  if (gpu === undefined) return "";
  return `${gpu.vendor}\t${gpu.model}\t${gpu.vramGib}\t${gpu.count}\t${gpu.interconnect}`;
}

function placeOf({ platform, region, country, market }: Offer): Place {
  return { platform, region, market, ...(country === undefined ? {} : { country }) };
}
