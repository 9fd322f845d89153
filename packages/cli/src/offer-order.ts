import type { OfferRow } from "@gpujob/sdk";
import { gpuLabel } from "./render/gpu.ts";
import type { OfferGroup } from "./render/offers.ts";

/** What `offers --sort` orders by; ties by platform and offer, so that the order is stable. */
export function sortOffers(
  offers: readonly OfferRow[],
  by: "price" | "platform" | "gpu" | "memory",
): readonly OfferRow[] {
  const keys = {
    price: (offer: OfferRow) => [offer.pricePerHour.currency, offer.pricePerHour.micros],
    platform: (offer: OfferRow) => [offer.platform, offer.pricePerHour.micros],
    gpu: (offer: OfferRow) => [gpuLabel(offer.gpu), offer.pricePerHour.micros],
    memory: (offer: OfferRow) => [
      -(offer.gpu?.vramGib ?? 0) * (offer.gpu?.count ?? 0),
      offer.pricePerHour.micros,
    ],
  } as const;
  const keyed = offers.map((offer) => ({
    offer,
    key: [...keys[by](offer), offer.platform, offer.offerId],
  }));
  return keyed.toSorted((left, right) => compare(left.key, right.key)).map(({ offer }) => offer);
}

/** One entry per group, the cheapest group first. Expects offers sorted by price for `cheapest`. */
export function groupOffers(
  offers: readonly OfferRow[],
  by: "platform" | "gpu" | "region" | "market",
): readonly OfferGroup[] {
  const names = {
    platform: (offer: OfferRow) => offer.platform,
    gpu: (offer: OfferRow) => gpuLabel(offer.gpu),
    region: (offer: OfferRow) => offer.region,
    market: (offer: OfferRow) => offer.market,
  } as const;
  const groups = Map.groupBy(sortOffers(offers, "price"), names[by]);
  return [...groups].flatMap(([name, members]) => {
    const cheapest = members[0];
    return cheapest ? [{ name, offers: members.length, cheapest }] : [];
  });
}

function compare(left: readonly (string | number)[], right: readonly (string | number)[]): number {
  for (const [index, value] of left.entries()) {
    const other = right[index];
    if (other === undefined || value === other) continue;
    return value < other ? -1 : 1;
  }
  return 0;
}
