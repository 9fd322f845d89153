import { globSync } from "node:fs";
import { join } from "node:path";
import { createFakePlatform, createRealClock } from "@gpujob/adapter-kit/testing";
import { normalizeGpuName } from "@gpujob/catalog";
import type { Capabilities, JobSpec, Offer, OfferGpu } from "@gpujob/spec";
import { testJob, testOffer } from "@gpujob/test/stories/support/world.ts";
import { readTable } from "./csv.ts";

/** Exactly so many offers: real rows where `GPUJOB_CATALOG` names a folder that has them, filled up with made ones. */
export function readOffers(count: number): {
  readonly offers: readonly Offer[];
  readonly origin: string;
} {
  const real = readRealOffers().slice(0, count);
  const made = Array.from({ length: count - real.length }, (_, index) => makeOffer(index));
  return {
    offers: [...real, ...made],
    origin: real.length === 0 ? "all made up" : `${real.length} of them rows of real price lists`,
  };
}

/** Every row of the price lists in the folder that `GPUJOB_CATALOG` names, twice where it has a spot price too. */
export function readRealOffers(): readonly Offer[] {
  const folder = process.env["GPUJOB_CATALOG"];
  if (folder === undefined || folder === "") return [];
  const offers = globSync("**/vms.csv", { cwd: folder })
    .toSorted()
    .flatMap((path) => {
      const platform = path.split(/[\\/]/).slice(-3, -1).join("-");
      return readTable(join(folder, path), ",").flatMap((row, index) =>
        toOffers(row, platform, index),
      );
    });
  // Machines without a card are what is left out where there are too many.
  return offers.toSorted(
    (left, right) => Number(right.gpu !== undefined) - Number(left.gpu !== undefined),
  );
}

/** A row is an offer on demand and, with a second price, one on the spot market. */
function toOffers(row: Readonly<Record<string, string>>, platform: string, index: number): Offer[] {
  const gpu = toGpu(row);
  const make = (market: Offer["market"], price = ""): Offer[] => {
    if (!(Number(price) > 0)) return [];
    const offer = testOffer(
      `${row["InstanceType"]}/${row["Region"]}/${market}/${index}`,
      platform,
      0,
    );
    const { gpu: _gpu, ...plain } = offer;
    return [
      {
        ...plain,
        ...(gpu === undefined ? {} : { gpu }),
        region: row["Region"] ?? "",
        instanceType: row["InstanceType"] ?? "",
        market,
        cpuCount: Number(row["vCPUs"]) || 1,
        memoryGib: Number(row["MemoryGiB"]) || 1,
        price: {
          ...offer.price,
          perHour: { currency: "CNY", micros: Math.round(Number(price) * 7_100_000) },
        },
      },
    ];
  };
  return [...make("on-demand", row["Price"]), ...make("spot", row["SpotPrice"])];
}

export function toGpu(row: Readonly<Record<string, string>>): OfferGpu | undefined {
  const name = row["AcceleratorName"] ?? "";
  const known = name === "" ? undefined : normalizeGpuName(name);
  if (known === undefined) return undefined;
  const mib = Number(/'SizeInMiB': (\d+)/.exec(row["GpuInfo"] ?? "")?.[1]);
  return {
    vendor: known.vendor,
    model: known.model,
    vramGib: known.vramGib ?? (mib > 0 ? mib / 1024 : 24),
    count: Number(row["AcceleratorCount"]) || 1,
    interconnect: "unknown",
  };
}

const models = ["RTX4090", "RTX3090", "A100", "H100", "L40S", "V100", "H20", "T4"];

function makeOffer(index: number): Offer {
  const pick = (count: number, step: number): number => Math.floor(index / step) % count;
  const gpu: OfferGpu = {
    vendor: "nvidia",
    model: models[pick(models.length, 1)] ?? "",
    vramGib: [24, 24, 80, 80, 48, 32, 96, 16][pick(8, 1)] ?? 24,
    count: [1, 2, 4, 8][pick(4, 8)] ?? 1,
    interconnect: "pcie",
  };
  const price = 1_000_000 + ((index * 7919) % 30_000_000);
  return testOffer(`made-${index}`, `platform-${pick(15, 32)}`, price, {
    gpu,
    region: `region-${pick(20, 480)}`,
    market: pick(2, 9600) === 0 ? "on-demand" : "spot",
  });
}

/** A usual question: one card of 80 GB or more, of either of two models. */
export function planJob(): JobSpec {
  const job = testJob();
  return {
    ...job,
    resources: {
      ...job.resources,
      gpus: [{ models: ["A100", "H100"], vramGib: { min: 80 }, count: { min: 1, max: 1 } }],
    },
  };
}

/** The same for every platform: what a common cloud can do. */
export function capabilities(offers: readonly Offer[]): Readonly<Record<string, Capabilities>> {
  const fake = createFakePlatform({ clock: createRealClock(), offers: [] });
  return Object.fromEntries(offers.map(({ platform }) => [platform, fake.capabilities]));
}
