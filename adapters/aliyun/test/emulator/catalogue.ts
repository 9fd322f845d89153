import type { CloudStock } from "@gpujob/adapter-kit/testing";
import { diskPerGibHour, images, typeFacts } from "./cloud-data.ts";
import { numberedPage, required, tokenPage } from "./parameters.ts";
import { Refusal } from "./refusal.ts";

type Query = URLSearchParams;

export function describeInstanceTypes(query: Query): object {
  const least = Number(query.get("MinimumGPUAmount") ?? 0);
  const found = typeFacts.filter(({ gpu }) => (gpu?.count ?? 0) >= least);
  const { rows, fields } = tokenPage(query, found);
  return {
    ...fields,
    InstanceTypes: {
      InstanceType: rows.map(({ type, family, gpu, vcpus, gib, gbps, eris = 0 }) => ({
        InstanceTypeId: type,
        InstanceTypeFamily: family,
        CpuCoreCount: vcpus,
        MemorySize: gib,
        GPUAmount: gpu?.count ?? 0,
        GPUSpec: gpu?.name ?? "",
        GPUMemorySize: gpu?.gib ?? 0,
        InstanceBandwidthRx: gbps * 1_024_000,
        InstanceBandwidthTx: gbps * 1_024_000,
        CpuArchitecture: "X86",
        EriQuantity: eris,
        NetworkCardQuantity: 1,
      })),
    },
  };
}

function marketOf(query: Query): "spot" | "on-demand" {
  return (query.get("SpotStrategy") ?? "NoSpot") === "NoSpot" ? "on-demand" : "spot";
}

/** Machines left: many, few, none. */
function stockWords(count: number): { readonly Status: string; readonly StatusCategory: string } {
  if (count < 1) return { Status: "SoldOut", StatusCategory: "WithoutStock" };
  return { Status: "Available", StatusCategory: count < 3 ? "ClosedWithStock" : "WithStock" };
}

export function describeAvailableResource(query: Query, stock: readonly CloudStock[]): object {
  if (required(query, "DestinationResource") !== "InstanceType")
    throw new Refusal("InvalidDestinationResource", "Only types are known here.");
  const rows = stock.filter(({ market }) => market === marketOf(query));
  const zones = [...new Set(rows.map(({ zone }) => zone))];
  return {
    AvailableZones: {
      AvailableZone: zones.map((ZoneId) => ({
        RegionId: required(query, "RegionId"),
        ZoneId,
        Status: "Available",
        StatusCategory: "WithStock",
        AvailableResources: {
          AvailableResource: [
            {
              Type: "InstanceType",
              SupportedResources: {
                SupportedResource: rows
                  .filter(({ zone }) => zone === ZoneId)
                  .map(({ type, count }) => ({ Value: type, ...stockWords(count) })),
              },
            },
          ],
        },
      })),
    },
  };
}

/** An amount as the price service writes it: what it would be, what is taken off, what is paid. */
function amount(price: number): object {
  return { OriginalPrice: price, DiscountPrice: 0, TradePrice: price };
}

export function describePrice(query: Query, stock: readonly CloudStock[]): object {
  const type = required(query, "InstanceType");
  const row = stock.find((one) => one.type === type && one.market === "on-demand");
  if (row === undefined) throw new Refusal("PriceNotFound", "The price of the type is not found.");
  if (query.get("PriceUnit") !== "Hour")
    throw new Refusal("InvalidPriceUnit", "Only hours are known here.");
  const gib = Number(query.get("SystemDisk.Size") ?? 0);
  // Without an image no disk is priced.
  const disk = query.has("ImageId") ? gib * diskPerGibHour : 0;
  return {
    PriceInfo: {
      Price: {
        Currency: "CNY",
        ...amount(row.pricePerHour + disk),
        DetailInfos: {
          DetailInfo: [
            { Resource: "instanceType", ...amount(row.pricePerHour) },
            ...(disk > 0 ? [{ Resource: "systemDisk", ...amount(disk) }] : []),
            { Resource: "bandwidth", ...amount(0) },
          ],
        },
      },
    },
  };
}

const historyPage = 3;

/** Two entries for each zone, the older one twice as dear, in several pages and in no order. */
export function describeSpotPrices(
  query: Query,
  stock: readonly CloudStock[],
  now: number,
): object {
  const type = required(query, "InstanceType");
  if (query.get("NetworkType") !== "vpc" || query.get("OSType") !== "linux")
    throw new Refusal("InvalidNetworkType.ValueNotSupported", "Only Linux in a VPC is sold here.");
  const listed = stock.find((one) => one.type === type && one.market === "on-demand");
  const entries = stock
    .filter((row) => row.type === type && row.market === "spot")
    .flatMap(({ zone, pricePerHour }) =>
      [1, 2].map((factor) => ({
        ZoneId: zone,
        InstanceType: type,
        NetworkType: "vpc",
        IoOptimized: "optimized",
        SpotPrice: pricePerHour * factor,
        OriginPrice: listed?.pricePerHour ?? 0,
        Timestamp: `${new Date(now - factor * 3_600_000).toISOString().slice(0, 19)}Z`,
      })),
    );
  const from = Number(query.get("Offset") ?? 0);
  return {
    Currency: "CNY",
    NextOffset: Math.min(entries.length, from + historyPage),
    SpotPrices: { SpotPriceType: entries.slice(from, from + historyPage) },
  };
}

function describe(image: (typeof images)[number]): object {
  return {
    ImageId: image.id,
    ImageName: image.name,
    ImageFamily: image.family,
    ImageOwnerAlias: image.owner,
    Size: image.gib,
    OSType: "linux",
    Architecture: "x86_64",
    CreationTime: image.created,
    Status: "Available",
    IsSupportCloudinit: true,
  };
}

export function describeImages(query: Query): object {
  const [id, owner] = [query.get("ImageId"), query.get("ImageOwnerAlias")];
  const found = images.filter(
    (image) => (id === null || image.id === id) && (owner === null || image.owner === owner),
  );
  const { rows, fields } = numberedPage(query, found, 100);
  return { ...fields, Images: { Image: rows.map(describe) } };
}

/** An empty object where there is none. */
export function describeFamily(query: Query): object {
  const family = required(query, "ImageFamily");
  const newest = images
    .filter((image) => image.family === family)
    .toSorted((one, other) => other.created.localeCompare(one.created))[0];
  return { Image: newest === undefined ? {} : describe(newest) };
}
