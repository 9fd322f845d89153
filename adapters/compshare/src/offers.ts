import { normalizeGpuName } from "@gpujob/catalog";
import type { Market, Offer, OfferGpu, OfferQuery } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { toMoney } from "./api.ts";
import { mapLimited } from "./map-limited.ts";
import type { ChargeType, InstanceType, Size } from "./market-api.ts";
import { listTypes, listZones, readPrices } from "./market-api.ts";

// System disk of 100 GB free, above that 0.0005 CNY per GB and hour, also while stopped — docs of 2026-06
export const freeDiskGib = 100;
const diskPerGibHour = { currency: "CNY", micros: 500 } as const;
/** Prices are asked size by size, so many at once. */
const callsAtOnce = 8;

export const chargeOf: Readonly<Record<Market, ChargeType>> = {
  "on-demand": "Postpay",
  spot: "Spot",
};

/** Every size of every card in every zone, post-paid and spot, at the price that the account would pay now. */
export async function listCompshareOffers(
  parts: Parts,
  query: OfferQuery,
  wait: Wait,
): Promise<readonly Offer[]> {
  const { config } = parts;
  const places = await Promise.all(
    config.regions.map(async (region) => {
      const zones = await listZones(parts, region, wait);
      if (zones.length === 0) throw noSuchRegion(parts, region);
      return zones.map((zone) => ({ region, zone }));
    }),
  );
  const sold = await Promise.all(
    places.flat().map((place) => readPlace(parts, place, query, wait)),
  );
  const observedAt = new Date(parts.context.clock.now()).toISOString();
  const offers = await mapLimited(sold.flat(), callsAtOnce, async (item) => {
    const prices = await readPrices(parts, "listOffers", item.size, wait);
    return item.kinds.flatMap(({ market, status }) => {
      const price = prices.get(chargeOf[market]);
      return price === undefined
        ? []
        : [toOffer(parts, item, { market, status, price, observedAt })];
    });
  });
  return offers.flat();
}

interface Sold {
  readonly size: Size;
  readonly gpu: OfferGpu;
  readonly maxDiskGib?: number;
  /** Whether it is sold post-paid, spot or both, and in stock. */
  readonly kinds: readonly { readonly market: Market; readonly status: string }[];
}

async function readPlace(
  parts: Parts,
  place: { readonly region: string; readonly zone: string },
  query: OfferQuery,
  wait: Wait,
): Promise<readonly Sold[]> {
  const [postPaid, spot] = await Promise.all([
    listTypes(parts, place, "uhost", wait),
    listTypes(parts, place, "spot", wait),
  ]);
  const names = new Set([...postPaid, ...spot].map(({ Name }) => Name));
  return [...names].flatMap((name) => {
    const kinds = [
      { market: "on-demand" as const, type: postPaid.find(({ Name }) => Name === name) },
      { market: "spot" as const, type: spot.find(({ Name }) => Name === name) },
    ].flatMap(({ market, type }) =>
      type === undefined || type.Status === "Hidden" ? [] : [{ market, type, status: type.Status }],
    );
    const type = kinds[0]?.type;
    return type === undefined ? [] : toSold(type, place, query, kinds);
  });
}

/** A type's sizes; none where its card is unknown to the catalogue or not what is asked for. */
function toSold(
  type: InstanceType,
  place: { readonly region: string; readonly zone: string },
  query: OfferQuery,
  kinds: Sold["kinds"],
): readonly Sold[] {
  const name = normalizeGpuName(type.Name);
  const vramGib = type.GraphicsMemory?.Value ?? name?.vramGib;
  if (name === undefined || vramGib === undefined) return [];
  // Each size costs a call for its price: what nobody asks for is not priced.
  if (query.models !== undefined && !query.models.includes(name.model)) return [];
  const disks = (type.Disks ?? []).flatMap(({ BootDisk }) => BootDisk ?? []);
  const maxDiskGib = Math.max(0, ...disks.map(({ MaximalSize }) => MaximalSize ?? 0));
  return type.MachineSizes.flatMap(({ Gpu, Collection }) =>
    Collection.flatMap(({ Cpu, Memory }) =>
      Memory.map((memoryGb) => ({
        size: { ...place, type: type.Name, cards: Gpu, cpus: Cpu, memoryGb },
        gpu: {
          vendor: name.vendor,
          model: name.model,
          vramGib,
          count: Gpu,
          // The documentation names NVLink for this card only.
          interconnect: name.model === "A100" ? ("nvlink" as const) : ("unknown" as const),
        },
        ...(maxDiskGib === 0 ? {} : { maxDiskGib }),
        kinds,
      })),
    ),
  );
}

function toOffer(
  { context }: Parts,
  { size, gpu, maxDiskGib }: Sold,
  sale: {
    readonly market: Market;
    readonly status: string;
    readonly price: number;
    readonly observedAt: string;
  },
): Offer {
  const { region, zone, type, cards, cpus, memoryGb } = size;
  const nothing = { currency: "CNY", micros: 0 };
  return {
    offerId: `${zone}/${type}/${cards}-${cpus}-${memoryGb}/${sale.market}`,
    platform: context.platform,
    region,
    zone,
    country: "cn",
    instanceType: type,
    gpu,
    cpuCount: cpus,
    memoryGib: memoryGb,
    includedDiskGib: freeDiskGib,
    ...(maxDiskGib === undefined ? {} : { maxDiskGib }),
    market: sale.market,
    price: {
      perHour: toMoney(sale.price),
      billing: { unitSeconds: 1, minimumSeconds: 0 },
      diskPerGibHour,
      // A fixed public address and its traffic are in the price.
      publicIpPerHour: nothing,
      egressPerGib: nothing,
      source: "live",
    },
    availability: availabilityOf(sale.status),
    observedAt: sale.observedAt,
    ...(sale.market === "spot" ? { autoRelease: false, notes: spotNotes } : {}),
  };
}

const spotNotes = [
  "may be taken at any time without notice; its disk is kept for 7 days",
  "free if it is taken within its first hour",
  "the platform's stop timer does not work on it",
];

function availabilityOf(status: string): Offer["availability"] {
  if (status === "SoldOut") return "none";
  return status === "Normal" ? "high" : "unknown";
}

function noSuchRegion({ context, config }: Parts, region: string): PlatformError {
  const { platform } = context;
  return new PlatformError("unsupported_request", `${platform}: there is no region ${region}.`, {
    platform,
    operation: "listOffers",
    scope: "region",
    hint: `Correct \`regions\` of platforms.${platform} (${config.regions.join(", ")}).`,
  });
}
