import { normalizeGpuName } from "@gpujob/catalog";
import type { Money, Offer, OfferQuery } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { readStock } from "./api.ts";
import type { ProCard } from "./cards.ts";
import { priceOfCard, proCards } from "./cards.ts";
import { anyRegion, proRegions } from "./places.ts";

/** Of each machine, before `expand_system_disk_by_gb` — https://www.autodl.com/docs/instance_pro_api (2026-08) */
export const systemDiskGib = 30;
const mostExtraDiskGib = 500;
const cardCounts = [1, 2, 3, 4];

/**
 * Pro has neither a stock nor a price of its own to ask for: prices come from dated sheets, and only a card of which no
 * room has an idle one counts as sold out. Anything else shows at create.
 */
export async function listProOffers(
  parts: Parts,
  _query: OfferQuery,
  wait: Wait,
): Promise<readonly Offer[]> {
  const { config } = parts;
  const rooms = config.regions ?? proRegions;
  const stock = new Map(
    await Promise.all(
      rooms.map(async (room) => [room, await readStock(parts, "listOffers", room, wait)] as const),
    ),
  );
  const places = (config.regions ?? [anyRegion]).map((region) => ({
    region,
    stock: region === anyRegion ? [...stock.values()] : [stock.get(region) ?? new Map()],
  }));
  return places.flatMap((place) =>
    proCards.flatMap((card) => cardCounts.flatMap((count) => toOffer(parts, place, card, count))),
  );
}

interface Place {
  readonly region: string;
  /** Idle cards of each of its rooms. */
  readonly stock: readonly ReadonlyMap<string, number>[];
}

/** None for a card whose price nobody has told: it could not be compared. */
function toOffer(parts: Parts, place: Place, card: ProCard, count: number): Offer[] {
  const { config, site, context } = parts;
  const price = priceOfCard(config, site, card.spec, card.gpu);
  const name = normalizeGpuName(card.gpu);
  if (price === undefined || name?.vramGib === undefined) return [];
  const { perHour, observedAt, note } = price;
  return [
    {
      offerId: `${place.region}/${card.spec}/${count}`,
      platform: context.platform,
      region: place.region,
      country: "cn",
      instanceType: card.spec,
      gpu: {
        vendor: name.vendor,
        model: name.model,
        vramGib: name.vramGib,
        count,
        // Nothing is said of NVLink anywhere.
        interconnect: "unknown",
      },
      includedDiskGib: systemDiskGib,
      maxDiskGib: systemDiskGib + mostExtraDiskGib,
      market: "on-demand",
      price: {
        perHour: times(perHour, count),
        billing: { unitSeconds: 1, minimumSeconds: 0, isBootBilled: false },
        publicIpPerHour: { currency: perHour.currency, micros: 0 },
        egressPerGib: { currency: perHour.currency, micros: 0 },
        source: "after-create",
      },
      availability: availabilityOf(place, card, count),
      observedAt: observedAt ?? new Date(context.clock.now()).toISOString(),
      notes: [note],
    },
  ];
}

function times({ currency, micros }: Money, count: number): Money {
  return { currency, micros: micros * count };
}

/** Idle cards are counted for another product of the same rooms: none idle means none, some idle means little. */
function availabilityOf(
  { stock }: Place,
  { stockName }: ProCard,
  count: number,
): Offer["availability"] {
  const known = stock.flatMap((room) => room.get(stockName) ?? []);
  return known.length > 0 && known.every((idle) => idle < count) ? "none" : "unknown";
}
