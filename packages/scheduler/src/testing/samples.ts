import type { JobSpec, Money, Offer, OfferGpu, OfferPrice, Resources } from "@gpujob/spec";

/** `cny(1.32)` is 1.32 CNY. */
export function cny(amount: number): Money {
  return { currency: "CNY", micros: Math.round(amount * 1_000_000) };
}

/** `usd(2)` is 2 USD. */
export function usd(amount: number): Money {
  return { currency: "USD", micros: Math.round(amount * 1_000_000) };
}

const dollarRate = {
  currency: "USD",
  cnyPerUnit: 7.12,
  observedAt: "2026-11-01",
  source: "test",
} as const;

export const gpu4090: OfferGpu = {
  vendor: "nvidia",
  model: "RTX4090",
  vramGib: 24,
  count: 1,
  interconnect: "pcie",
};

/** Billed by the second, nothing extra to pay. */
export const plainPrice: OfferPrice = {
  perHour: cny(2),
  billing: { unitSeconds: 1, minimumSeconds: 0, isBootBilled: false },
  publicIpPerHour: cny(0),
  egressPerGib: cny(0),
  taxRate: 0,
  source: "live",
};

/** One RTX 4090 in Beijing for 2 CNY an hour, unless said otherwise. */
export function sampleOffer(changes: Partial<Offer> = {}): Offer {
  return {
    offerId: "a",
    platform: "cheap",
    region: "cn-beijing",
    country: "cn",
    instanceType: "one-4090",
    gpu: gpu4090,
    cpuCount: 16,
    memoryGib: 64,
    includedDiskGib: 50,
    maxDiskGib: 1000,
    market: "on-demand",
    price: plainPrice,
    availability: "high",
    bootSeconds: 60,
    observedAt: "2026-11-23T00:00:00Z",
    ...changes,
  };
}

const resources: Resources = {
  gpus: [{ models: ["RTX4090"], count: { min: 1, max: 1 } }],
  isOrderedPreference: false,
  nodes: 1,
  interconnect: "any",
  fabric: { kind: "any" },
};

/** An hour on one RTX 4090, unless said otherwise. */
export function sampleJob(
  changes: Omit<Partial<JobSpec>, "resources"> & { readonly resources?: Partial<Resources> } = {},
): JobSpec {
  return {
    name: "job",
    market: "on-demand",
    regions: [],
    platforms: { allow: [], deny: [], prefer: [] },
    files: [],
    environment: {},
    secrets: {},
    run: "true",
    outputs: [],
    expectedTimeMs: 3_600_000,
    limits: { timeMs: 86_400_000, holdMs: 28_800_000 },
    retry: { interruptions: 5, failures: 0, rules: [] },
    ports: [],
    labels: {},
    profile: "cheapest",
    ...changes,
    resources: { ...resources, ...changes.resources },
  };
}

/** No capabilities known, dollars convertible, answers in CNY. */
export const context = {
  capabilitiesByPlatform: {},
  rates: [dollarRate],
  currency: "CNY",
} as const;
