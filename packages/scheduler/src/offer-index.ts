import type { Offer } from "@gpujob/spec";
import { compareIds } from "./compare.ts";

/** Offers that share platform, region, country, market and accelerators, so that these are checked once. */
export interface OfferGroup {
  /** The same text for the same accelerators. */
  readonly card: string;
  readonly offers: readonly Offer[];
}

/** Offers made ready for quick questions. Plain JSON, so it can be cached; its order hangs on names alone. */
export interface OfferIndex {
  readonly groups: readonly OfferGroup[];
  readonly size: number;
}

/** Sorts offers by platform and id, and groups them. Takes some tens of milliseconds for tens of thousands. */
export function indexOffers(offers: readonly Offer[]): OfferIndex {
  const groups = new Map<string, { readonly card: string; readonly offers: Offer[] }>();
  for (const offer of offers.toSorted(compareIds)) {
    const card = cardKey(offer);
    const key = `${offer.platform}\t${offer.region}\t${offer.country ?? ""}\t${offer.market}\t${card}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { card, offers: [offer] });
    else group.offers.push(offer);
  }
  return { groups: [...groups.values()], size: offers.length };
}

function cardKey({ gpu }: Offer): string {
  if (gpu === undefined) return "";
  return `${gpu.vendor}\t${gpu.model}\t${gpu.vramGib}\t${gpu.count}\t${gpu.interconnect}`;
}
