import { normalizeGpuName } from "@gpujob/catalog";
import type { Offer, OfferQuery } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { readStock } from "./api.ts";
import { priceOfCard, proCards } from "./cards.ts";
import { elasticRegions } from "./places.ts";

const cardCounts = [1, 2, 4, 8];
/** The system disk; the size of a data disk is not documented for containers. */
const diskGib = 30;

/** What each region has idle, at the price of the dated sheet: the API tells a price only of a running container. */
export async function listElasticOffers(
  parts: Parts,
  _query: OfferQuery,
  wait: Wait,
): Promise<readonly Offer[]> {
  const regions = parts.config.regions ?? elasticRegions;
  const stocks = await Promise.all(
    regions.map(async (region) => ({
      region,
      stock: await readStock(parts, "listOffers", region, wait),
    })),
  );
  return stocks.flatMap(({ region, stock }) => {
    if (stock.size === 0) refuseUnknownRegion(parts, region);
    return [...stock].flatMap(([card, idle]) =>
      cardCounts.flatMap((count) => toOffer(parts, region, { card, idle, count })),
    );
  });
}

interface Cards {
  readonly card: string;
  readonly idle: number;
  readonly count: number;
}

/** None for a card that the catalogue does not know or whose price nobody has told. */
function toOffer(parts: Parts, region: string, { card, idle, count }: Cards): Offer[] {
  const { config, site, context } = parts;
  const gpu = proCards.find(({ stockName }) => stockName === card)?.gpu ?? card;
  const name = normalizeGpuName(gpu);
  const price = priceOfCard(config, site, card, gpu);
  const vramGib = name?.vramGib ?? price?.vramGib;
  if (price === undefined || name === undefined || vramGib === undefined) return [];
  const { perHour, observedAt, note } = price;
  const nothing = { currency: perHour.currency, micros: 0 };
  return [
    {
      offerId: `${region}/${card.replaceAll(/\s+/g, "-")}/${count}`,
      platform: context.platform,
      region,
      ...(site.country === undefined ? {} : { country: site.country }),
      instanceType: card,
      gpu: {
        vendor: name.vendor,
        model: name.model,
        ...(name.variant === undefined ? {} : { variant: name.variant }),
        vramGib,
        count,
        interconnect: "unknown",
      },
      includedDiskGib: diskGib,
      maxDiskGib: diskGib,
      market: "on-demand",
      price: {
        perHour: { currency: perHour.currency, micros: perHour.micros * count },
        billing: { unitSeconds: 1, minimumSeconds: 0, isBootBilled: false },
        publicIpPerHour: nothing,
        egressPerGib: nothing,
        source: "after-create",
      },
      availability: availabilityOf(idle, count),
      observedAt: observedAt ?? new Date(context.clock.now()).toISOString(),
      notes: [note],
    },
  ];
}

/** Idle cards may be on several hosts: only for single ones is their number that of machines. */
function availabilityOf(idle: number, count: number): Offer["availability"] {
  if (idle < count) return "none";
  return count === 1 ? idle : "low";
}

/** AutoDL's own codes are checked in the configuration; elsewhere an answer without cards is all there is to see. */
function refuseUnknownRegion({ site, config, context }: Parts, region: string): void {
  if (config.site === "autodl") return;
  const { platform } = context;
  throw new PlatformError(
    "unsupported_request",
    `${platform}: the region ${region} has no cards at all; ${new URL(site.endpoint).host} answers so for a name that does not exist.`,
    {
      platform,
      operation: "listOffers",
      scope: "region",
      hint: `Correct \`regions\` of platforms.${platform}, or take ${region} out.`,
    },
  );
}
