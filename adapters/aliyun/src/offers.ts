import { omitUndefined } from "@gpujob/adapter-kit";
import { normalizeGpuName } from "@gpujob/catalog";
import type { Market, Money, Offer, OfferGpu, OfferQuery } from "@gpujob/spec";
import type { Parts, Region, Wait } from "./api.ts";
import { allPages } from "./api.ts";
import { findNewest } from "./image.ts";
import { countryOf, egressOf, interconnectOf, isSlice } from "./places.ts";
import type { Answers, Quote, SpotQuotes } from "./prices.ts";
import { askEach, askPrice, askSpotPrices, deadlineOf } from "./prices.ts";

const mostNodes = 16;
/** The largest system disk — https://www.alibabacloud.com/help/en/ecs/user-guide/limits (2026-11) */
const mostDiskGib = 2048;
/** Only to have disks priced. */
const pricedImage = "acs:ubuntu_22_04_x64";

/** Every type with whole cards in every zone, on demand and as spot, with its stock and its price of this moment. */
export async function listAliyunOffers(
  parts: Parts,
  query: OfferQuery,
  wait: Wait,
): Promise<readonly Offer[]> {
  const { regions } = parts.config;
  // Patterns and other spellings of a region are the scheduler's to match: then all are asked.
  const isExact = query.regions?.every((region) => regions.includes(region)) ?? false;
  const chosen = isExact ? regions.filter((region) => query.regions?.includes(region)) : regions;
  const at = (region: string): Region => parts.ecs.at(region, "listOffers", wait);
  // The catalogue is the same in every region.
  const types = listTypes(parts, at(chosen[0] ?? "cn-hangzhou"), query);
  types.catch(() => undefined);
  const listed = chosen.map((region) => listRegion(parts, at(region), types, query));
  return (await Promise.all(listed)).flat();
}

async function listRegion(
  parts: Parts,
  at: Region,
  catalogue: Promise<readonly GpuType[]>,
  query: OfferQuery,
): Promise<readonly Offer[]> {
  const untilMs = deadlineOf(parts, query);
  const markets = query.markets ?? (["on-demand", "spot"] as const);
  const stockOf = async (market: Market): Promise<readonly Stock[]> =>
    markets.includes(market) ? listStock(parts, at, market) : [];
  const [types, image, onDemand, spot] = await Promise.all([
    catalogue,
    findNewest(at, pricedImage),
    stockOf("on-demand"),
    stockOf("spot"),
  ]);
  const known = new Map(types.map((type) => [type.id, type]));
  const stock = [...onDemand, ...spot].filter(({ type }) => known.has(type));
  const names = (rows: readonly Stock[]): string[] =>
    [...new Set(rows.map(({ type }) => type))].filter((type) => known.has(type));
  // On demand also of what is asked for as spot only: the disk's price stands there.
  const [quotes, spotQuotes] = await Promise.all([
    askEach(parts, at, {
      types: names(stock),
      untilMs,
      ask: (type) => askPrice(parts, at, type, image?.id),
    }),
    askEach(parts, at, {
      types: names(spot),
      untilMs,
      ask: (type) => askSpotPrices(parts, at, type),
    }),
  ]);
  const observedAt = new Date(parts.context.clock.now()).toISOString();
  const told = { quotes, spotQuotes, observedAt, region: at.region };
  return stock.flatMap((row) => {
    const type = known.get(row.type);
    return type === undefined ? [] : (toOffer(parts, { ...told, row, type }) ?? []);
  });
}

/** A type that has whole cards of a known kind. */
interface GpuType {
  readonly id: string;
  readonly gpu: OfferGpu;
  readonly isGuessed: boolean;
  readonly cpuCount?: number;
  readonly memoryGib?: number;
  readonly fabric: NonNullable<Offer["fabric"]>;
}

async function listTypes(
  { config }: Parts,
  at: Region,
  { models }: OfferQuery,
): Promise<readonly GpuType[]> {
  const patterns = config.types.map(toPattern);
  const rows = await allPages(
    (token) =>
      at.send((client, sdk) =>
        client.describeInstanceTypes(
          new sdk.DescribeInstanceTypesRequest({ minimumGPUAmount: 1, maxResults: 100, ...token }),
        ),
      ),
    ({ instanceTypes }) => instanceTypes?.instanceType,
  );
  return rows.flatMap((row) => {
    const { instanceTypeId: id = "", instanceTypeFamily: family = "" } = row;
    if (!patterns.some((pattern) => pattern.test(id)) || isSlice(family)) return [];
    const found = toGpu({
      name: row.GPUSpec ?? "",
      count: row.GPUAmount ?? 0,
      gib: row.GPUMemorySize ?? 0,
      family,
    });
    if (found === undefined || models?.includes(found.gpu.model) === false) return [];
    const facts = { cpuCount: row.cpuCoreCount, memoryGib: row.memorySize };
    return [{ ...omitUndefined({ id, ...facts, fabric: fabricOf(row) }), ...found }];
  });
}

/** eRDMA where a type has such interfaces. Ours have one, on the first network card. */
function fabricOf(row: {
  readonly instanceBandwidthRx?: number;
  readonly networkCardQuantity?: number;
  readonly eriQuantity?: number;
}): GpuType["fabric"] {
  // In kbit/s, of which 1,024,000 are sold as one Gbit/s.
  const kbits = row.instanceBandwidthRx;
  const cards = Math.max(1, row.networkCardQuantity ?? 1);
  return omitUndefined({
    kind: (row.eriQuantity ?? 0) > 0 ? ("rdma" as const) : ("ethernet" as const),
    bandwidthGbps: kbits === undefined ? undefined : Math.round(kbits / cards / 102_400) / 10,
  });
}

function toPattern(text: string): RegExp {
  const escaped = text.replaceAll(/[.+^${}()|[\]\\?]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll("*", ".*")}$`);
}

/** Families whose card the platform does not name: by their memory (96 GiB of HBM3) they are H20 (2026-11). */
const unnamed = /^ecs\.(?:gn8v|gn8v-tee|ebmgn8v)$/;

function toGpu(card: {
  readonly name: string;
  readonly count: number;
  readonly gib: number;
  readonly family: string;
}): Pick<GpuType, "gpu" | "isGuessed"> | undefined {
  const { count, gib, family } = card;
  const said = normalizeGpuName(card.name);
  const isGuessed = said === undefined && unnamed.test(family);
  const name = isGuessed ? normalizeGpuName("NVIDIA H20") : said;
  if (name === undefined || !(count >= 1) || !(gib > 0)) return undefined;
  // The memory is of one card; should it ever be of all, the catalogue knows better.
  const vramGib = name.vramGib !== undefined && gib === name.vramGib * count ? name.vramGib : gib;
  const { vendor, model, variant } = name;
  const interconnect = interconnectOf(family, count);
  return {
    isGuessed,
    gpu: omitUndefined({ vendor, model, variant, vramGib, count, interconnect }),
  };
}

/** What a zone has of a type on one market. */
interface Stock {
  readonly zone: string;
  readonly type: string;
  readonly market: Market;
  readonly availability: "high" | "low" | "none";
}

/** All types of all zones of a region in one answer. */
async function listStock({ config }: Parts, at: Region, market: Market): Promise<readonly Stock[]> {
  const input = {
    regionId: at.region,
    destinationResource: "InstanceType",
    resourceType: "instance",
    instanceChargeType: "PostPaid",
    ioOptimized: "optimized",
    networkCategory: "vpc",
    ...(market === "spot"
      ? { spotStrategy: "SpotAsPriceGo", spotDuration: config.protectedHour ? 1 : 0 }
      : { spotStrategy: "NoSpot" }),
  };
  const { availableZones } = await at.send((client, sdk) =>
    client.describeAvailableResource(new sdk.DescribeAvailableResourceRequest(input)),
  );
  return (availableZones?.availableZone ?? []).flatMap(
    ({ zoneId: zone = "", availableResources }) =>
      (availableResources?.availableResource ?? [])
        .flatMap(({ supportedResources }) => supportedResources?.supportedResource ?? [])
        .map(({ value: type = "", status = "", statusCategory = "" }) => ({
          zone,
          type,
          market,
          availability: availabilityOf(status, statusCategory),
        })),
  );
}

/** `ClosedWithStock` has little left: it may be tried, and may fail. */
function availabilityOf(status: string, category: string): Stock["availability"] {
  if (status !== "Available" || category === "WithoutStock") return "none";
  return category === "ClosedWithStock" ? "low" : "high";
}

interface Sale {
  readonly region: string;
  readonly row: Stock;
  readonly type: GpuType;
  readonly quotes: Answers<Quote>;
  readonly spotQuotes: Answers<SpotQuotes>;
  readonly observedAt: string;
}

/** `undefined`: nobody says what it costs. */
function priceOf({ row, quotes, spotQuotes }: Sale): Omit<Quote, "disk"> | undefined {
  if (row.market === "on-demand") return quotes.byType.get(row.type);
  const spot = spotQuotes.byType.get(row.type);
  const machine = spot?.perZone.get(row.zone);
  return spot === undefined || machine === undefined
    ? undefined
    : { currency: spot.currency, machine };
}

/** A disk costs the same whatever it hangs on: any quote of the region in that currency tells. */
function diskOf({ quotes }: Sale, currency: string): number | undefined {
  return [...quotes.byType.values()].find(
    (quote) => quote.currency === currency && quote.disk !== undefined,
  )?.disk;
}

function toOffer({ config, context }: Parts, sale: Sale): Offer | undefined {
  const price = priceOf(sale);
  if (price === undefined) return undefined;
  const { region, row, type, quotes, spotQuotes, observedAt } = sale;
  const { currency } = price;
  const disk = diskOf(sale, currency);
  const egress = egressOf(region, currency);
  const money = (amount: number): Money => ({ currency, micros: Math.round(amount * 1e6) });
  const missing = quotes.failed.length + spotQuotes.failed.length;
  const notes = [
    disk === undefined
      ? "what its disk costs is not known here"
      : `a disk of ${config.diskGib} GiB is in the price`,
    ...(type.isGuessed ? ["the platform does not name its card: by its memory it is an H20"] : []),
    ...(missing === 0 ? [] : [`${missing} other prices of ${region} could not be asked`]),
  ];
  return omitUndefined({
    offerId: `${row.zone}/${row.type}/${row.market}`,
    platform: context.platform,
    region,
    zone: row.zone,
    country: countryOf(region),
    instanceType: row.type,
    gpu: type.gpu,
    cpuCount: type.cpuCount,
    memoryGib: type.memoryGib,
    includedDiskGib: config.diskGib,
    maxDiskGib: mostDiskGib,
    market: row.market,
    price: omitUndefined({
      perHour: money(price.machine + (disk ?? 0)),
      // By the second from the launch to the release — https://www.alibabacloud.com/help/en/ecs/pay-as-you-go-1 (2026-11)
      billing: { unitSeconds: 1, minimumSeconds: 0, isBootBilled: true },
      diskPerGibHour: disk === undefined ? undefined : money(disk / config.diskGib),
      // The address is free; what goes out through it is not.
      publicIpPerHour: money(0),
      egressPerGib: egress === undefined ? undefined : money(egress),
      source: "live" as const,
    }),
    availability: row.availability,
    fabric: type.fabric,
    docker: config.docker ? (true as const) : undefined,
    maxNodes: mostNodes,
    observedAt,
    notes,
  });
}
