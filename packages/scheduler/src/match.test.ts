import type { Capabilities, JobSpec, Offer } from "@gpujob/spec";
import { describe, it } from "vitest";
import { makeExclusion, matchOffer } from "./index.ts";
import {
  cny,
  context,
  gpu4090,
  plainPrice,
  sampleJob,
  sampleOffer,
  usd,
} from "./testing/samples.ts";

const capabilities: Capabilities = {
  release: "api",
  powerOff: "none",
  idempotency: "none",
  autoRelease: false,
  visibilityWindowMs: 0,
  markets: ["on-demand"],
  multiNode: "none",
  tagging: "none",
  image: false,
  docker: false,
  channel: false,
  interruptionNotice: false,
  capacityCheck: false,
  balance: false,
  charges: false,
};

function reasons(job: JobSpec, offer: Offer): readonly string[] {
  return matchOffer(job, offer, [], context);
}

describe("matchOffer", () => {
  it("finds nothing against an offer that fits", ({ expect }) => {
    expect(reasons(sampleJob(), sampleOffer())).toEqual([]);
  });

  it("compares memory per card with a tolerance of seven in a hundred", ({ expect }) => {
    const job = sampleJob({
      resources: { gpus: [{ vramGib: { min: 24 }, count: { min: 1, max: 1 } }] },
    });
    const withMemory = (vramGib: number): readonly string[] =>
      reasons(job, sampleOffer({ gpu: { ...gpu4090, vramGib } }));
    expect(withMemory(22.35)).toEqual([]);
    expect(withMemory(22.3)).toEqual(["22.3 GiB per card, 24 asked for"]);
    expect(withMemory(80)).toEqual([]);
  });

  it("says what there is and what was asked for", ({ expect }) => {
    const job = sampleJob({
      resources: {
        gpus: [{ models: ["A100", "H100"], vramGib: { min: 40 }, count: { min: 2, max: 2 } }],
      },
    });
    expect(reasons(job, sampleOffer())).toEqual([
      "RTX4090, A100 or H100 asked for",
      "24 GiB per card, 40 asked for",
      "1 card, 2 asked for",
    ]);
  });

  it("takes a bare count exactly and a range as a range", ({ expect }) => {
    const offer = sampleOffer({ gpu: { ...gpu4090, count: 4 } });
    const asking = (count: { min?: number; max?: number }): JobSpec =>
      sampleJob({ resources: { gpus: [{ count }] } });
    expect(reasons(asking({ min: 1, max: 1 }), offer)).toEqual(["4 cards, 1 asked for"]);
    expect(reasons(asking({ min: 2, max: 4 }), offer)).toEqual([]);
    expect(reasons(asking({ max: 2 }), offer)).toEqual(["4 cards, at most 2 asked for"]);
  });

  it("never takes a 4090D for a 4090, and reads names in any spelling", ({ expect }) => {
    const offer = sampleOffer({ gpu: { ...gpu4090, model: "RTX4090D" } });
    const job = sampleJob({
      resources: { gpus: [{ models: ["4090"], count: { min: 1, max: 1 } }] },
    });
    expect(reasons(job, offer)).toEqual(["RTX4090D, 4090 asked for"]);
    expect(reasons(job, sampleOffer())).toEqual([]);
  });

  it("checks vendor, total memory and compute capability", ({ expect }) => {
    const asking = (request: object): JobSpec =>
      sampleJob({ resources: { gpus: [{ count: { min: 1, max: 1 }, ...request }] } });
    expect(reasons(asking({ vendors: ["ascend", "hygon"] }), sampleOffer())).toEqual([
      "made by nvidia, ascend or hygon asked for",
    ]);
    expect(reasons(asking({ totalVramGib: { min: 48 } }), sampleOffer())).toEqual([
      "24 GiB on all cards, 48 asked for",
    ]);
    expect(reasons(asking({ computeCapability: { min: 9 } }), sampleOffer())).toEqual([
      "compute capability 8.9, 9 asked for",
    ]);
    const unheard = sampleOffer({ gpu: { ...gpu4090, model: "RTX9999" } });
    expect(reasons(asking({ computeCapability: { min: 8 } }), unheard)).toEqual([
      "compute capability of RTX9999 not known, 8 asked for",
    ]);
  });

  it("accepts any one of several requests, and else names the misses of the nearest", ({
    expect,
  }) => {
    const job = sampleJob({
      resources: {
        gpus: [
          { models: ["H100"], vramGib: { min: 80 }, count: { min: 8, max: 8 } },
          { models: ["RTX4090"], count: { min: 2, max: 2 } },
        ],
      },
    });
    expect(reasons(job, sampleOffer())).toEqual(["1 card, 2 asked for"]);
    expect(reasons(job, sampleOffer({ gpu: { ...gpu4090, count: 2 } }))).toEqual([]);
  });

  it("lets a job without accelerators run anywhere, and no other on a machine without", ({
    expect,
  }) => {
    const { gpu: _, ...bare } = sampleOffer();
    expect(reasons(sampleJob({ resources: { gpus: [] } }), sampleOffer())).toEqual([]);
    expect(reasons(sampleJob({ resources: { gpus: [] } }), bare)).toEqual([]);
    expect(reasons(sampleJob(), bare)).toEqual(["no accelerator, RTX4090 asked for"]);
  });

  it("wants a link between cards at least as good as asked, unless there is one card", ({
    expect,
  }) => {
    const job = sampleJob({ resources: { gpus: [{ count: { min: 1 } }], interconnect: "nvlink" } });
    const linked = (interconnect: "pcie" | "nvswitch" | "unknown", count = 2): readonly string[] =>
      reasons(job, sampleOffer({ gpu: { ...gpu4090, count, interconnect } }));
    expect(linked("nvswitch")).toEqual([]);
    expect(linked("pcie")).toEqual(["pcie between cards, nvlink asked for"]);
    expect(linked("unknown")).toEqual(["link between cards not known, nvlink asked for"]);
    expect(linked("pcie", 1)).toEqual([]);
  });

  it("checks processors, memory and disk, and takes unknown for too little", ({ expect }) => {
    const job = sampleJob({
      resources: { cpuCount: { min: 32 }, memoryGib: { min: 128 }, diskGib: { min: 2000 } },
    });
    expect(reasons(job, sampleOffer())).toEqual([
      "16 CPUs, 32 asked for",
      "64 GiB of memory, 128 asked for",
      "1000 GiB of disk at most, 2000 asked for",
    ]);
    const { cpuCount: _, ...unknown } = sampleOffer();
    expect(reasons(sampleJob({ resources: { cpuCount: { min: 1 } } }), unknown)).toEqual([
      "CPUs not known, 1 asked for",
    ]);
  });

  it("matches regions by globs in any case, and residency only where the country is known", ({
    expect,
  }) => {
    expect(reasons(sampleJob({ regions: ["cn-*", "eu-*"] }), sampleOffer())).toEqual([]);
    expect(reasons(sampleJob({ regions: ["CN-BEI*"] }), sampleOffer())).toEqual([]);
    expect(reasons(sampleJob({ regions: ["us-*"] }), sampleOffer())).toEqual([
      "region cn-beijing, us-* asked for",
    ]);
    expect(reasons(sampleJob({ regions: ["*"] }), sampleOffer({ region: ", US, NA/2" }))).toEqual(
      [],
    );
    const { country: _, ...somewhere } = sampleOffer();
    expect(reasons(sampleJob({ residency: "cn" }), sampleOffer())).toEqual([]);
    expect(reasons(sampleJob({ residency: "cn" }), somewhere)).toEqual([
      "country not known, cn asked for",
    ]);
    expect(reasons(sampleJob({ residency: "cn" }), sampleOffer({ country: "us" }))).toEqual([
      "in us, cn asked for",
    ]);
  });

  it("keeps to the market asked for, and takes both with auto", ({ expect }) => {
    const spot = sampleOffer({ market: "spot" });
    expect(reasons(sampleJob(), spot)).toEqual(["spot, on-demand asked for"]);
    expect(reasons(sampleJob({ market: "auto" }), spot)).toEqual([]);
  });

  it("obeys the lists of allowed and denied platforms", ({ expect }) => {
    const allow = sampleJob({ platforms: { allow: ["lab"], deny: [], prefer: [] } });
    const deny = sampleJob({ platforms: { allow: [], deny: ["cheap"], prefer: [] } });
    expect(reasons(allow, sampleOffer())).toEqual(["platform cheap is not allowed"]);
    expect(reasons(deny, sampleOffer())).toEqual(["platform cheap is denied"]);
  });

  it("asks a platform for images only where it can give them", ({ expect }) => {
    const here = (job: JobSpec, changes: Partial<Capabilities>): readonly string[] =>
      matchOffer(job, sampleOffer(), [], {
        ...context,
        capabilitiesByPlatform: { cheap: { ...capabilities, ...changes } },
      });
    const docker = sampleJob({ image: "docker:nvcr.io/x:1" });
    expect(here(docker, {})).toEqual(["no Docker images on cheap, docker:nvcr.io/x:1 asked for"]);
    expect(here(docker, { docker: true })).toEqual([]);
    expect(here(sampleJob({ image: "pytorch-2.8" }), {})).toEqual([
      "no choice of image on cheap, pytorch-2.8 asked for",
    ]);
    expect(here(sampleJob({ image: { other: "pytorch-2.8" } }), {})).toEqual([]);
    expect(here(sampleJob({ image: { default: "docker:x" } }), { docker: true })).toEqual([]);
  });

  it("takes an offer's own word on Docker before that of its platform", ({ expect }) => {
    const here = (docker: Offer["docker"], of: boolean): readonly string[] =>
      matchOffer(
        sampleJob({ image: "docker:x" }),
        sampleOffer(docker === undefined ? {} : { docker }),
        [],
        { ...context, capabilitiesByPlatform: { cheap: { ...capabilities, docker: of } } },
      );
    expect(here(true, false)).toEqual([]);
    expect(here({ problem: "is not installed there" }, true)).toEqual([
      "Docker is not installed there, docker:x asked for",
    ]);
  });

  it("checks that several nodes can be had together, with the network asked for", ({ expect }) => {
    const job = sampleJob({
      resources: { nodes: 4, fabric: { kind: "rdma", bandwidthGbps: { min: 100 } } },
    });
    expect(reasons(job, sampleOffer({ maxNodes: 2 }))).toEqual([
      "2 nodes at most, 4 asked for",
      "network between nodes not known, rdma asked for",
    ]);
    expect(
      reasons(job, sampleOffer({ maxNodes: 8, fabric: { kind: "rdma", bandwidthGbps: 50 } })),
    ).toEqual(["50 Gbit/s between nodes, 100 asked for"]);
    expect(
      reasons(job, sampleOffer({ maxNodes: 8, fabric: { kind: "rdma", bandwidthGbps: 200 } })),
    ).toEqual([]);
    expect(reasons(sampleJob({ resources: { nodes: 2 } }), sampleOffer())).toEqual([
      "1 node at most, 2 asked for",
    ]);
    const alone = { ...context, capabilitiesByPlatform: { cheap: capabilities } };
    const two = sampleJob({ resources: { nodes: 2 } });
    expect(matchOffer(two, sampleOffer({ maxNodes: 2 }), [], alone)).toEqual([
      "single machines only on cheap, 2 nodes asked for",
    ]);
  });

  it("rejects what is sold out or has too few machines left", ({ expect }) => {
    expect(reasons(sampleJob(), sampleOffer({ availability: "none" }))).toEqual(["sold out"]);
    expect(reasons(sampleJob(), sampleOffer({ availability: 0 }))).toEqual(["sold out"]);
    const two = sampleJob({ resources: { nodes: 2 } });
    expect(reasons(two, sampleOffer({ availability: 1, maxNodes: 4 }))).toEqual([
      "1 left, 2 nodes asked for",
    ]);
  });

  it("holds the price limit against all nodes, after discount, in the limit's currency", ({
    expect,
  }) => {
    const price = { ...plainPrice, perHour: usd(0.5), discount: 0.9 };
    const offer = sampleOffer({ price, maxNodes: 4 });
    const limits = { timeMs: 1, holdMs: 1, pricePerHour: cny(6.4) };
    const job = sampleJob({ limits, resources: { nodes: 2 } });
    expect(reasons(job, offer)).toEqual(["6.41 CNY/h, at most 6.40 CNY/h asked for"]);
    expect(reasons({ ...job, limits: { ...limits, pricePerHour: cny(6.408) } }, offer)).toEqual([]);
  });

  it("rejects a price that no rate can convert", ({ expect }) => {
    const offer = sampleOffer({
      price: { ...plainPrice, perHour: { currency: "GBP", micros: 1 } },
    });
    expect(reasons(sampleJob(), offer)).toEqual([
      "priced in GBP, and there is no exchange rate for GBP",
    ]);
  });

  it("avoids what is excluded, and says until when and why", ({ expect }) => {
    const exclusion = makeExclusion(
      { message: "cheap: sold out.", scope: "region" },
      sampleOffer(),
      Date.UTC(2026, 10, 24, 12),
    );
    expect(exclusion && matchOffer(sampleJob(), sampleOffer(), [exclusion], context)).toEqual([
      "avoided until 2026-11-24T12:00:00Z: cheap: sold out.",
    ]);
  });
});
