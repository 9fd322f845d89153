import type { CloudStock } from "@gpujob/adapter-kit/testing";
import { typeFacts } from "./cloud-data.ts";
import type { Tree } from "./query.ts";
import { textAt, textsAt } from "./query.ts";
import { Refusal } from "./refusal.ts";
import { applyFilters, filterable } from "./resources.ts";
import type { Xml } from "./xml.ts";

const byType = (type: string) => filterable({}, { "instance-type": type });

export function describeInstanceTypes(tree: Tree): Record<string, Xml> {
  const found = applyFilters(tree, typeFacts, ({ type }, name) => byType(type)(name));
  return {
    instanceTypeSet: found.map(({ type, gpu, vcpus, memoryMib, arch, classes, ...facts }) => ({
      instanceType: type,
      currentGeneration: true,
      supportedUsageClasses: classes,
      processorInfo: { supportedArchitectures: [arch] },
      vCpuInfo: { defaultVCpus: vcpus },
      memoryInfo: { sizeInMiB: memoryMib },
      networkInfo: {
        networkPerformance: facts.network,
        efaSupported: facts.efa === true,
        maximumNetworkCards: facts.cards ?? 1,
      },
      ...(gpu === undefined
        ? {}
        : {
            gpuInfo: {
              gpus: [
                {
                  name: gpu.name,
                  manufacturer: gpu.maker,
                  count: gpu.count,
                  memoryInfo: { sizeInMiB: gpu.mib },
                },
              ],
              totalGpuMemoryInMiB: gpu.mib * Math.max(1, gpu.count),
            },
          }),
    })),
  };
}

export function describeOfferings(tree: Tree, stock: readonly CloudStock[]): Record<string, Xml> {
  if (textAt(tree, "LocationType") !== "availability-zone") {
    throw new Refusal("InvalidParameterValue", "Only zones are known here");
  }
  const places = new Map(stock.map((row) => [`${row.zone}/${row.type}`, row]));
  const rows = [...places.values()];
  return {
    instanceTypeOfferingSet: applyFilters(tree, rows, ({ type }, name) => byType(type)(name)).map(
      ({ type, zone }) => ({
        instanceType: type,
        locationType: "availability-zone",
        location: zone,
      }),
    ),
  };
}

export function describeSpotPrices(
  tree: Tree,
  stock: readonly CloudStock[],
  now: number,
): Record<string, Xml> {
  if (!textsAt(tree, "ProductDescription").includes("Linux/UNIX")) {
    throw new Refusal("InvalidParameterValue", "Only Linux is sold here");
  }
  const rows = stock.filter(({ market }) => market === "spot");
  return {
    spotPriceHistorySet: applyFilters(tree, rows, ({ type }, name) => byType(type)(name)).map(
      ({ type, zone, pricePerHour }) => ({
        instanceType: type,
        productDescription: "Linux/UNIX",
        spotPrice: pricePerHour.toFixed(6),
        timestamp: new Date(now - 3_600_000).toISOString(),
        availabilityZone: zone,
      }),
    ),
  };
}

/** GetProducts of the price list: JSON texts in a JSON list. */
export function getProducts(text: string, stock: readonly CloudStock[]): object {
  const asked: {
    readonly Filters?: readonly { readonly Field: string; readonly Value: string }[];
  } = JSON.parse(text);
  const valueOf = (field: string) => asked.Filters?.find(({ Field }) => Field === field)?.Value;
  const region = valueOf("regionCode");
  const rows = stock.filter((row) => row.region === region && row.market === "on-demand");
  const prices = new Map(rows.map(({ type, pricePerHour }) => [type, pricePerHour]));
  return {
    FormatVersion: "aws_v1",
    PriceList: [...prices].map(([instanceType, price]) =>
      JSON.stringify({
        product: {
          productFamily: "Compute Instance",
          attributes: { instanceType, regionCode: region },
        },
        serviceCode: "AmazonEC2",
        terms: {
          OnDemand: {
            "SKU.TERM": {
              priceDimensions: {
                "SKU.TERM.RATE": { unit: "Hrs", pricePerUnit: { USD: price.toFixed(10) } },
              },
            },
          },
        },
      }),
    ),
  };
}
