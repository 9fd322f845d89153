import type { HostFacts, HostGpu, Offer } from "@gpujob/spec";
import { describe, it } from "vitest";
import { compareWithOffer } from "./preflight.ts";

const price = { currency: "CNY", micros: 1_000_000 } as const;
const bare = {
  offerId: "a",
  platform: "cheap",
  region: "local",
  instanceType: "a",
  market: "on-demand",
  price: { perHour: price, billing: { unitSeconds: 1, minimumSeconds: 0 }, source: "live" },
  availability: 1,
  observedAt: "2026-11-01T00:00:00Z",
} as const;
const resources = {
  gpus: [],
  isOrderedPreference: false,
  nodes: 1,
  interconnect: "any",
  fabric: { kind: "any" },
} as const;
const sold = { vendor: "nvidia", vramGib: 24, count: 2, interconnect: "unknown" } as const;

const machine: HostFacts = {
  bootId: "boot",
  machineId: "machine",
  uptimeMs: 1,
  user: "root",
  home: "/root",
  root: "/root/.gpujob",
  os: "Linux",
  architecture: "x86_64",
  cpuCount: 8,
  memoryGib: 64,
  diskFreeGib: 100,
  gpus: [],
  tools: [],
};

function check(model: string, names: readonly string[], vramGib = 23.6) {
  const offer: Offer = { ...bare, gpu: { ...sold, model } };
  const gpus = names.map((name, index): HostGpu => ({ index, name, vramGib, isBusy: false }));
  return compareWithOffer(offer, { resources }, { ...machine, gpus }, undefined);
}

describe("Docker on a machine", () => {
  const gpu = { ...sold, model: "RTX4090" };
  const cards = ["a", "b"].map((_, index): HostGpu => ({
    index,
    name: "NVIDIA GeForce RTX 4090",
    vramGib: 23.6,
    isBusy: false,
  }));
  const say = (changes: Partial<HostFacts>, image = "docker:pytorch:1"): string | undefined =>
    compareWithOffer(
      { ...bare, gpu },
      { resources, image },
      { ...machine, gpus: cards, ...changes },
      undefined,
    ).failure?.message;

  it("must be there, run and be open to us, where the job comes in an image of it", ({
    expect,
  }) => {
    expect(say({})).toContain("needs Docker, which is not installed there");
    expect(say({ docker: "stopped" })).toContain("whose engine does not run there");
    expect(say({ docker: "forbidden" })).toContain("add root to the group docker");
    expect(say({ docker: "usable" })).toBeUndefined();
    expect(say({}, "pytorch-2.8")).toBeUndefined();
  });

  it("must give cards to containers, where the machine has some", ({ expect }) => {
    const tools = ["nvidia-smi"];
    expect(say({ docker: "usable", tools })).toContain("needs the NVIDIA Container Toolkit");
    expect(say({ docker: "usable", tools: [...tools, "nvidia-docker"] })).toBeUndefined();
  });
});

describe("the cards of a machine", () => {
  it("are refused when they are another model, whatever their memory", ({ expect }) => {
    const names = ["NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 3090"];
    expect(check("RTX4090", names).failure).toMatchObject({
      kind: "lease_failed",
      scope: "host",
      message: expect.stringContaining("it has a NVIDIA GeForce RTX 3090, RTX4090 was offered"),
    });
    const chinese = ["NVIDIA GeForce RTX 4090 D", "NVIDIA GeForce RTX 4090 D"];
    expect(check("RTX4090", chinese).failure).toBeDefined();
  });

  it("are known under every name that drivers give them", ({ expect }) => {
    for (const [model, name] of [
      ["RTX4090", "NVIDIA GeForce RTX 4090"],
      ["RTX4090D", "NVIDIA GeForce RTX 4090 D"],
      ["A100", "NVIDIA A100-SXM4-80GB"],
      ["A100", "A100 PCIe 40GB"],
      ["A800", "NVIDIA A800-SXM4-80GB"],
      ["H20", "NVIDIA H20"],
      ["V100", "Tesla V100-SXM2-32GB"],
      ["T4", "Tesla T4"],
    ] as const)
      expect(check(model, [name, name]), name).toEqual({ warnings: [] });
  });

  it("are refused when there are too few or too small ones", ({ expect }) => {
    expect(check("RTX4090", ["NVIDIA GeForce RTX 4090"]).failure?.message).toContain("1 cards");
    const both = ["NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 4090"];
    expect(check("RTX4090", both, 11.9).failure?.message).toContain("11.9 GiB");
  });

  it("whose name nobody knows are taken, with a warning", ({ expect }) => {
    expect(check("RTX4090", ["Graphics Device", "Graphics Device"])).toEqual({
      warnings: [expect.stringContaining("calls its card Graphics Device")],
    });
    expect(check("Unheard-of", ["NVIDIA H100", "NVIDIA H100"])).toEqual({ warnings: [] });
  });
});
