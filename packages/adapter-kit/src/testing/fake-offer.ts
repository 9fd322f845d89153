import type { Offer } from "@gpujob/spec";

/** An offer for tests: one RTX 4090 at 1.32 CNY an hour, billed by the second, with what is given put over it. */
export function createTestOffer(over: Partial<Offer> = {}): Offer {
  return {
    offerId: "a",
    platform: "fake",
    region: "local",
    instanceType: over.offerId ?? "a",
    gpu: { vendor: "nvidia", model: "RTX4090", vramGib: 24, count: 1, interconnect: "pcie" },
    cpuCount: 16,
    memoryGib: 64,
    includedDiskGib: 50,
    maxDiskGib: 500,
    market: "on-demand",
    price: {
      perHour: { currency: "CNY", micros: 1_320_000 },
      billing: { unitSeconds: 1, minimumSeconds: 0 },
      source: "live",
    },
    availability: "high",
    observedAt: "2026-11-01T00:00:00.000Z",
    ...over,
  };
}
