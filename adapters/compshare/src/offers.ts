import { omitUndefined, refuse } from "@gpujob/adapter-kit";
import { normalizeGpuName } from "@gpujob/catalog";
import type { Market, Offer, OfferGpu, OfferQuery } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { toMoney } from "./api.ts";
import { mapLimited } from "./map-limited.ts";
import type { ChargeType, InstanceType, Size } from "./market.ts";
import { listTypes, listZones, readPrices } from "./market.ts";

// System disk of 100 GB free, above that 0.0005 CNY per GB and hour, also while stopped — docs of 2026-06
export const freeDiskGib = 100;
const diskPerGibHour = { currency: "CNY", micros: 500 } as const;
// By the second, settled on the hour — docs of 2026-06
const billing = { unitSeconds: 1, minimumSeconds: 0, isBootBilled: true } as const;
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
  readonly maxDiskGib: number | undefined;
  /** Whether it is sold post-paid, spot or both, and in stock. */
  readonly kinds: readonly { readonly market: Market; readonly status: string }[];
}

async function readPlace(
  parts: Parts,
  place: Pick<Size, "region" | "zone">,
  query: OfferQuery,
  wait: Wait,
): Promise<readonly Sold[]> {
  const [postPaid, spot] = await Promise.all([
    listTypes(parts, place, "uhost", wait),
    listTypes(parts, place, "spot", wait),
  ]);
  const sales = [
    ...postPaid.map((type) => ({ market: "on-demand" as const, type })),
    ...spot.map((type) => ({ market: "spot" as const, type })),
  ].filter(({ type }) => type.Status !== "Hidden");
  const byName = Map.groupBy(sales, ({ type }) => type.Name);
  return [...byName.values()].flatMap((same) => {
    const kinds = same.map(({ market, type }) => ({ market, status: type.Status }));
    return same.slice(0, 1).flatMap(({ type }) => toSold(type, place, query, kinds));
  });
}

/** A type's sizes; none where its card is unknown to the catalogue or not what is asked for. */
function toSold(
  type: InstanceType,
  place: Pick<Size, "region" | "zone">,
  query: OfferQuery,
  kinds: Sold["kinds"],
): readonly Sold[] {
  const name = normalizeGpuName(type.Name);
  const vramGib = type.GraphicsMemory?.Value ?? name?.vramGib;
  if (name === undefined || vramGib === undefined) return [];
  // Each size costs a call for its price: what nobody asks for is not priced.
  if (query.models !== undefined && !query.models.includes(name.model)) return [];
  const disks = (type.Disks ?? []).flatMap(({ BootDisk }) => BootDisk ?? []);
  const maxDiskGib = Math.max(0, ...disks.map(({ MaximalSize }) => MaximalSize ?? 0)) || undefined;
  // The documentation names NVLink for this card only.
  const interconnect = name.model === "A100" ? "nvlink" : "unknown";
  return type.MachineSizes.flatMap(({ Gpu: count, Collection }) =>
    Collection.flatMap(({ Cpu, Memory }) =>
      Memory.map((memoryGb) => ({
        size: { ...place, type: type.Name, cards: count, cpus: Cpu, memoryGb },
        gpu: { ...name, vramGib, count, interconnect },
        maxDiskGib,
        kinds,
      })),
    ),
  );
}

function toOffer(
  { context }: Parts,
  { size, gpu, maxDiskGib }: Sold,
  sale: Sold["kinds"][number] & { readonly price: number; readonly observedAt: string },
): Offer {
  const { region, zone, type, cards, cpus, memoryGb } = size;
  const { market, status, price, observedAt } = sale;
  const nothing = toMoney(0);
  return omitUndefined({
    offerId: `${zone}/${type}/${cards}-${cpus}-${memoryGb}/${market}`,
    platform: context.platform,
    region,
    zone,
    country: "cn",
    instanceType: type,
    gpu,
    cpuCount: cpus,
    memoryGib: memoryGb,
    includedDiskGib: freeDiskGib,
    maxDiskGib,
    market,
    price: {
      perHour: toMoney(price),
      billing,
      diskPerGibHour,
      // A fixed public address and its traffic are in the price.
      publicIpPerHour: nothing,
      egressPerGib: nothing,
      source: "live",
    },
    availability: availabilityOf(status),
    observedAt,
    ...(market === "spot" ? { autoRelease: false as const, notes: spotNotes } : {}),
  });
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

function noSuchRegion({ context, config }: Parts, region: string): Error {
  const { platform } = context;
  return refuse(
    { platform, operation: "listOffers" },
    {
      kind: "unsupported_request",
      scope: "region",
      what: `there is no region ${region}`,
      hint: `Correct \`regions\` of platforms.${platform} (${config.regions.join(", ")}).`,
    },
  );
}
