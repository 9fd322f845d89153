import type { InstanceTypeInfo, SpotPrice } from "@aws-sdk/client-ec2";
import { omitUndefined } from "@gpujob/adapter-kit";
import { normalizeGpuName } from "@gpujob/catalog";
import type { Market, Money, Offer, OfferGpu, OfferQuery } from "@gpujob/spec";
import type { Parts, Region, Wait } from "./api.ts";
import { allPages } from "./api.ts";
import type { AwsConfig } from "./config.ts";
import type { PriceList } from "./price-list.ts";
import { readPrices } from "./price-list.ts";
import { countryOf, currencyOf, extrasOf } from "./regions.ts";

const mostNodes = 16;

/** Every accelerator type of every zone, on demand and as spot. EC2 does not tell stock: the launch is the test. */
export async function listAwsOffers(
  parts: Parts,
  query: OfferQuery,
  wait: Wait,
): Promise<readonly Offer[]> {
  const { regions } = parts.config;
  // Patterns and other spellings of a region are the scheduler's to match: then all are asked.
  const isExact = query.regions?.every((region) => regions.includes(region)) ?? false;
  const chosen = isExact ? regions.filter((region) => query.regions?.includes(region)) : regions;
  const listed = chosen.map((region) =>
    listRegion(parts, parts.ec2.at(region, "listOffers", wait), wait),
  );
  return (await Promise.all(listed)).flat();
}

async function listRegion(parts: Parts, at: Region, wait: Wait): Promise<readonly Offer[]> {
  const { region } = at;
  const [types, zones, prices, spot] = await Promise.all([
    listTypes(parts, at),
    listZones(parts, at),
    readPrices(parts, region, wait),
    listSpotPrices(parts, at),
  ]);
  const observedAt = new Date(parts.context.clock.now()).toISOString();
  return types.flatMap((info) => {
    const type = info.InstanceType ?? "";
    const gpu = toGpu(info);
    if (gpu === undefined) return [];
    const classes: readonly string[] = info.SupportedUsageClasses ?? [];
    return (zones.get(type) ?? []).flatMap((zone) => {
      const sale = { region, zone, info, gpu, observedAt };
      const onDemand = prices.perHour.get(type);
      const now = Number(spot.get(`${zone}/${type}`)?.SpotPrice);
      return [
        ...(classes.includes("on-demand") && onDemand !== undefined
          ? [toOffer(parts, { ...sale, market: "on-demand", price: onDemand, list: prices })]
          : []),
        ...(classes.includes("spot") && now > 0
          ? [toOffer(parts, { ...sale, market: "spot", price: now, list: prices })]
          : []),
      ];
    });
  });
}

function listTypes({ config }: Parts, at: Region): Promise<readonly InstanceTypeInfo[]> {
  const Filters = [{ Name: "instance-type", Values: config.types }];
  const input = { Filters, MaxResults: 100 };
  return allPages(
    (token) => at.send((sdk) => new sdk.DescribeInstanceTypesCommand({ ...input, ...token })),
    (page) => page.InstanceTypes,
  );
}

/** Zones by type. Offered does not mean in stock. */
async function listZones(
  { config }: Parts,
  at: Region,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const Filters = [{ Name: "instance-type", Values: config.types }];
  const input = { LocationType: "availability-zone", Filters, MaxResults: 1000 } as const;
  const rows = await allPages(
    (token) =>
      at.send((sdk) => new sdk.DescribeInstanceTypeOfferingsCommand({ ...input, ...token })),
    (page) => page.InstanceTypeOfferings,
  );
  const zones = new Map<string, string[]>();
  for (const { InstanceType = "", Location = "" } of rows) {
    zones.set(InstanceType, [...(zones.get(InstanceType) ?? []), Location].toSorted());
  }
  return zones;
}

/** The price of this moment by zone and type: with `StartTime` now there is one entry for each. */
async function listSpotPrices(
  { config, context }: Parts,
  at: Region,
): Promise<ReadonlyMap<string, SpotPrice>> {
  const input = {
    StartTime: new Date(context.clock.now()),
    ProductDescriptions: ["Linux/UNIX"],
    Filters: [{ Name: "instance-type", Values: config.types }],
    MaxResults: 1000,
  };
  const rows = await allPages(
    (token) => at.send((sdk) => new sdk.DescribeSpotPriceHistoryCommand({ ...input, ...token })),
    (page) => page.SpotPriceHistory,
  );
  const timeOf = ({ Timestamp }: SpotPrice): number => Number(Timestamp ?? 0);
  const newest = rows.toSorted((one, other) => timeOf(one) - timeOf(other));
  return new Map(
    newest.map((row) => [`${row.AvailabilityZone ?? ""}/${row.InstanceType ?? ""}`, row]),
  );
}

/** `undefined`: no whole card, or one that the catalogue does not know. */
function toGpu({ InstanceType: type, GpuInfo }: InstanceTypeInfo): OfferGpu | undefined {
  const [card] = GpuInfo?.Gpus ?? [];
  const { Name = "", Count: count = 0, MemoryInfo } = card ?? {};
  const name = normalizeGpuName(Name);
  const mib = MemoryInfo?.SizeInMiB ?? 0;
  if (name === undefined || count < 1 || mib === 0) return undefined;
  const { vendor, model, variant } = name;
  const interconnect = interconnectOf(type ?? "", count);
  return omitUndefined({ vendor, model, variant, vramGib: mib / 1024, count, interconnect });
}

/** EC2 does not say how cards are joined: V100 by NVLink, from A100 on through NVSwitch, the G types by PCIe. */
function interconnectOf(type: string, count: number): OfferGpu["interconnect"] {
  const generation = Number(/^p(\d+)/.exec(type)?.[1] ?? 0);
  if (count < 2 || generation < 3) return "pcie";
  return generation === 3 ? "nvlink" : "nvswitch";
}

interface Sale {
  readonly region: string;
  readonly zone: string;
  readonly info: InstanceTypeInfo;
  readonly gpu: OfferGpu;
  readonly market: Market;
  /** Of the machine alone, in the region's currency per hour. */
  readonly price: number;
  readonly list: PriceList;
  readonly observedAt: string;
}

/** What every machine bills beside itself: the disk that it always has, and its address. Per hour, in the region's currency. */
export function surchargeOf({ diskGib }: Pick<AwsConfig, "diskGib">, region: string): number {
  const { diskPerGibHour = 0, addressPerHour = 0 } = extrasOf(region);
  return diskGib * diskPerGibHour + addressPerHour;
}

function toOffer({ config, context }: Parts, sale: Sale): Offer {
  const { region, zone, info, gpu, market, list } = sale;
  const type = info.InstanceType ?? "";
  const isSheet = market === "on-demand" && list.source === "sheet";
  const { diskPerGibHour, addressPerHour, egressPerGib } = extrasOf(region);
  const money = (amount: number): Money => ({
    currency: currencyOf(region),
    micros: Math.round(amount * 1e6),
  });
  const known = (amount: number | undefined): Money | undefined =>
    amount === undefined ? undefined : money(amount);
  const isArm =
    info.ProcessorInfo?.SupportedArchitectures?.every((arch) => arch === "arm64") ?? false;
  const notes = [
    ...(diskPerGibHour === undefined
      ? ["what its disk costs in this region is not known here"]
      : [`a disk of ${config.diskGib} GiB and a public address are in the price`]),
    ...(isArm ? ["its processor is an arm64"] : []),
    ...fabricNotes(info),
    ...(isSheet && list.problem !== undefined
      ? [`its price is of a dated sheet: ${list.problem}`]
      : []),
  ];
  return omitUndefined({
    offerId: `${zone}/${type}/${market}`,
    platform: context.platform,
    region,
    zone,
    country: countryOf(region),
    instanceType: type,
    gpu,
    cpuCount: info.VCpuInfo?.DefaultVCpus,
    memoryGib: inGib(info.MemoryInfo?.SizeInMiB),
    includedDiskGib: config.diskGib,
    // The largest gp3 disk.
    maxDiskGib: 65_536,
    market,
    price: omitUndefined({
      perHour: money(sale.price + surchargeOf(config, region)),
      // From `running` to `shutting-down`, at least a minute — https://aws.amazon.com/ec2/pricing (2026-11)
      billing: { unitSeconds: 1, minimumSeconds: 60, isBootBilled: false },
      diskPerGibHour: known(diskPerGibHour),
      publicIpPerHour: known(addressPerHour && 0),
      egressPerGib: known(egressPerGib),
      source: isSheet ? ("sheet" as const) : ("live" as const),
    }),
    availability: "unknown" as const,
    fabric: omitUndefined({
      kind: hasEfa(info) ? ("rdma" as const) : ("ethernet" as const),
      bandwidthGbps: bandwidthOf(info),
    }),
    maxNodes: mostNodes,
    observedAt: isSheet ? list.observedAt : sale.observedAt,
    notes,
  });
}

function inGib(mib: number | undefined): number | undefined {
  return mib === undefined ? undefined : mib / 1024;
}

/** Can its first network card carry an Elastic Fabric Adapter? That of p6-b300 cannot (2026-11, by others' word). */
function hasEfa({ InstanceType: type, NetworkInfo }: InstanceTypeInfo): boolean {
  return NetworkInfo?.EfaSupported === true && type?.startsWith("p6-b300") !== true;
}

/** Of the one network card that our machines use: `Up to 25 Gigabit`, `4x 100 Gigabit`, `3200 Gigabit` of 32 cards. */
function bandwidthOf({ NetworkInfo }: InstanceTypeInfo): number | undefined {
  const [, cards, gigabit] =
    /(?:(\d+)x )?(\d+) Gigabit/.exec(NetworkInfo?.NetworkPerformance ?? "") ?? [];
  if (gigabit === undefined) return undefined;
  return cards === undefined
    ? Number(gigabit) / (NetworkInfo?.MaximumNetworkCards ?? 1)
    : Number(gigabit);
}

/** A second interface would forbid the public address that the machine is reached at. */
function fabricNotes({ NetworkInfo }: InstanceTypeInfo): readonly string[] {
  const cards = NetworkInfo?.MaximumNetworkCards ?? 1;
  return cards < 2 ? [] : [`one of its ${cards} network cards is used`];
}
