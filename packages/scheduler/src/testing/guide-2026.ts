import { findPlatformTraits, findRental } from "@gpujob/catalog";
import type { Offer, OfferGpu } from "@gpujob/spec";
import { cny, sampleOffer } from "./samples.ts";
import type { TraitsByPlatform } from "../profile-demands.ts";

/**
 * What a buyer's guide to renting GPUs in mainland China of 2026 claims, in our words: one author's prices and
 * recommendations, kept to test profiles by. Where it names a range for a class of platforms, all of the class have it.
 */
const source = "a buyer's guide to renting GPUs in mainland China, of 2026";

/** CNY per hour of one RTX 4090, from and to, paid by use. */
const prices4090: Readonly<Record<string, readonly [number, number]>> = {
  autodl: [1.8, 3],
  mornai: [1.3, 2.5],
  // The guide's cheapest of all: 1.32 is named for it alone.
  gpushare: [1.32, 2.5],
  gpugeek: [1.3, 2.5],
  aliyun: [3, 5],
  tencent: [3, 5],
  huawei: [3, 5],
};

/** Which platforms the guide names for which reader, best first or alike. */
export const recommendations = {
  student: ["autodl"],
  university: ["mornai", "gpushare"],
  "start-up": ["autodl", "mornai"],
  enterprise: ["aliyun", "tencent", "huawei"],
  "domestic-only": ["huawei"],
  "large-multi-gpu": ["aliyun", "volcengine"],
  backup: ["mornai", "gpugeek"],
} as const;

/** Where in its ranges a price is taken: 0 the lowest, 1 the highest. */
export type Point = number;

function at([from, to]: readonly [number, number], point: Point): number {
  return from + (to - from) * point;
}

function offerOf(platform: string, perHour: number, changes: Partial<Offer> = {}): Offer {
  const base = sampleOffer();
  // Both bill their disks within the price; the others by the GiB, at what AutoDL asks for more than 20 GB.
  const hasFreeDisk = ["mornai", "gpushare", "gpugeek"].includes(platform);
  return sampleOffer({
    offerId: platform,
    platform,
    instanceType: "one",
    price: {
      ...base.price,
      perHour: cny(perHour),
      // Whole prepaid hours or seconds, as the platform's own documents say.
      billing: findRental(platform)?.billing ?? base.price.billing,
      diskPerGibHour: cny(hasFreeDisk ? 0 : 0.0004),
      // Certified students and members pay less there.
      ...(platform === "autodl" ? { discount: 0.95 } : {}),
    },
    availability: "unknown",
    notes: [source],
    ...changes,
  });
}

/** One RTX 4090 at every platform that the guide gives a price for. */
export function offers4090(point: Point): readonly Offer[] {
  return Object.entries(prices4090).map(([platform, range]) => offerOf(platform, at(range, point)));
}

/** The same while the big ones are dry: there the guide sends its readers to the lesser-known. */
export function dryOffers(point: Point): readonly Offer[] {
  const isDry = (platform: string): boolean =>
    ["autodl", "aliyun", "tencent", "huawei"].includes(platform);
  return offers4090(point).map((offer) =>
    isDry(offer.platform) ? { ...offer, availability: "none" } : offer,
  );
}

const ascend: OfferGpu = {
  vendor: "ascend",
  model: "Ascend910B",
  vramGib: 64,
  count: 1,
  interconnect: "hccs",
};

/** The guide prices no Ascend; these are list prices of 2026-07 and, for the big cloud, five times as much. */
export function domesticOffers(): readonly Offer[] {
  const biren: OfferGpu = { ...ascend, vendor: "biren", model: "BR106M", vramGib: 32 };
  return [
    offerOf("huawei", 18, { gpu: ascend, availability: "high" }),
    offerOf("autodl", 3.87, { gpu: ascend }),
    offerOf("moark", 3.5, { gpu: ascend }),
    offerOf("moark", 2, { gpu: biren, offerId: "biren" }),
    ...offers4090(0),
  ];
}

/** Two nodes of eight cards. The guide names fast networks at two clouds only, and prices none of this. */
export function clusterOffers(): readonly Offer[] {
  const a100: OfferGpu = {
    vendor: "nvidia",
    model: "A100",
    vramGib: 80,
    count: 8,
    interconnect: "nvswitch",
  };
  const nodes = { gpu: a100, maxNodes: 8 };
  const fast = { ...nodes, fabric: { kind: "rdma", bandwidthGbps: 800 } } as const;
  return [
    offerOf("aliyun", 278, fast),
    offerOf("volcengine", 270, fast),
    offerOf("tencent", 265, nodes),
    offerOf("autodl", 56, nodes),
    offerOf("mornai", 45, { ...nodes, gpu: { ...a100, interconnect: "pcie" } }),
  ];
}

/** What people say of the platforms, as it comes with the catalogue. */
export const guideTraits: TraitsByPlatform = Object.fromEntries(
  [...Object.keys(prices4090), "volcengine", "moark"].flatMap((id) => {
    const traits = findPlatformTraits(id);
    return traits === undefined ? [] : [[id, traits]];
  }),
);
