import type { Offer } from "@gpujob/spec";

/** Offers that share platform, region, country, market and accelerators, so that these are checked once. */
export interface OfferGroup {
  readonly offers: readonly Offer[];
}

/** Offers made ready for quick questions. Plain JSON, so it can be cached; the order of offers is kept in each group. */
export interface OfferIndex {
  readonly groups: readonly OfferGroup[];
  readonly size: number;
}

/** Groups offers. Takes some milliseconds for tens of thousands. */
export function indexOffers(offers: readonly Offer[]): OfferIndex {
  const groups = new Map<string, Offer[]>();
  for (const offer of offers) {
    const key = groupKey(offer);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [offer]);
    else group.push(offer);
  }
  return { groups: [...groups.values()].map((list) => ({ offers: list })), size: offers.length };
}

/** A tab stands in no name of these, and a name that had one would only split a group. */
function groupKey({ platform, region, country, market, gpu }: Offer): string {
  const card = gpu
    ? `${gpu.vendor}\t${gpu.model}\t${gpu.vramGib}\t${gpu.count}\t${gpu.interconnect}`
    : "";
  return `${platform}\t${region}\t${country ?? ""}\t${market}\t${card}`;
}
