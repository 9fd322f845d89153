import { findRental, normalizeGpuName, scaleMoney } from "@gpujob/catalog";
import { omitUndefined, refuse } from "@gpujob/adapter-kit";
import type { Offer } from "@gpujob/spec";
import type { Stock } from "./api.ts";
import { readStock } from "./api.ts";
import { priceOfCard, proCards } from "./cards.ts";
import { anyRegion, elasticRegions, proRegions } from "./places.ts";
import type { Parts, Wait } from "./product.ts";

/** Of each machine, before `expand_system_disk_by_gb` — https://www.autodl.com/docs/instance_pro_api (2026-08) */
export const systemDiskGib = 30;
const mostExtraDiskGib = 500;

/**
 * Pro has neither a stock nor a price of its own to ask for: prices come from dated sheets, and only a card of which no
 * room has an idle one counts as sold out. Anything else shows at create.
 */
export async function listProOffers(parts: Parts, wait: Wait): Promise<readonly Offer[]> {
  const { regions } = parts.config;
  const stocks = await readStocks(parts, regions ?? proRegions, wait);
  const rooms =
    regions === undefined
      ? [{ region: anyRegion, stocks }]
      : stocks.map((one) => ({ region: one.region, stocks: [one] }));
  return rooms.flatMap((room) =>
    proCards.flatMap(({ spec, stockName, gpu }) =>
      [1, 2, 3, 4].flatMap((count) => {
        // Idle cards are counted for another product of the same rooms: none idle means none, some idle means little.
        const known = room.stocks.flatMap(({ stock }) => stock.get(stockName) ?? []);
        const isSoldOut = known.length > 0 && known.every((idle) => idle < count);
        return toOffer(parts, {
          offerId: `${room.region}/${spec}/${count}`,
          region: room.region,
          type: spec,
          gpu,
          count,
          availability: isSoldOut ? "none" : "unknown",
          maxDiskGib: systemDiskGib + mostExtraDiskGib,
        });
      }),
    ),
  );
}

/** What each region has idle, at the price of the dated sheet: the API tells a price only of a running container. */
export async function listElasticOffers(parts: Parts, wait: Wait): Promise<readonly Offer[]> {
  const stocks = await readStocks(parts, parts.config.regions ?? elasticRegions, wait);
  return stocks.flatMap(({ region, stock }) => {
    if (stock.size === 0) refuseUnknownRegion(parts, region);
    return [...stock].flatMap(([card, idle]) =>
      [1, 2, 4, 8].flatMap((count) => {
        // Idle cards may be on several hosts: only for single ones is their number that of machines.
        const some = count === 1 ? idle : "low";
        return toOffer(parts, {
          offerId: `${region}/${card.replaceAll(/\s+/g, "-")}/${count}`,
          region,
          type: card,
          gpu: proCards.find(({ stockName }) => stockName === card)?.gpu ?? card,
          count,
          availability: idle < count ? "none" : some,
          // The system disk; the size of a data disk is not documented for containers.
          maxDiskGib: systemDiskGib,
        });
      }),
    );
  });
}

async function readStocks(
  parts: Parts,
  regions: readonly string[],
  wait: Wait,
): Promise<readonly { readonly region: string; readonly stock: Stock }[]> {
  return Promise.all(
    regions.map(async (region) => ({
      region,
      stock: await readStock(parts, "listOffers", region, wait),
    })),
  );
}

interface Sale extends Pick<Offer, "offerId" | "region" | "availability"> {
  /** The platform's name of the card. */
  readonly type: string;
  /** A name of the card that the catalogue reads. */
  readonly gpu: string;
  readonly count: number;
  readonly maxDiskGib: number;
}

/** None for a card that the catalogue does not know or whose price nobody has told: it could not be compared. */
function toOffer(parts: Parts, { type, gpu, count, ...sale }: Sale): Offer[] {
  const { config, site, context } = parts;
  const name = normalizeGpuName(gpu);
  const price = priceOfCard(config, site, type, gpu);
  const vramGib = name?.vramGib ?? price?.vramGib;
  if (price === undefined || name === undefined || vramGib === undefined) return [];
  const nothing = { currency: price.perHour.currency, micros: 0 };
  const isAbroad = site.country === undefined;
  // The platform's own proxy reaches Hugging Face itself.
  const needsMirrors = !isAbroad && !config.networkAcceleration;
  return [
    omitUndefined({
      ...sale,
      platform: context.platform,
      country: site.country,
      instanceType: type,
      // Nothing is said of NVLink anywhere.
      gpu: { ...name, vramGib, count, interconnect: "unknown" },
      includedDiskGib: systemDiskGib,
      market: "on-demand",
      price: omitUndefined({
        perHour: scaleMoney(price.perHour, { times: [count] }),
        billing: price.billing,
        publicIpPerHour: nothing,
        egressPerGib: nothing,
        source: "after-create",
        confidence: price.confidence,
      }),
      observedAt: price.observedAt ?? new Date(context.clock.now()).toISOString(),
      environment: needsMirrors ? findRental("autodl")?.environment : undefined,
      notes: [price.note],
    }),
  ];
}

/** AutoDL's own codes are checked in the configuration; elsewhere an answer without cards is all there is to see. */
function refuseUnknownRegion({ site, config, context }: Parts, region: string): void {
  if (config.site === "autodl") return;
  const { platform } = context;
  const host = new URL(site.endpoint).host;
  throw refuse(
    { platform, operation: "listOffers" },
    {
      kind: "unsupported_request",
      scope: "region",
      what: `the region ${region} has no cards at all; ${host} answers so for a name that does not exist`,
      hint: `Correct \`regions\` of platforms.${platform}, or take ${region} out.`,
    },
  );
}
