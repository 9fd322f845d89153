import { readFileSync } from "node:fs";
import { normalizeGpuName } from "@gpujob/catalog";
import type { GpuRequest, Offer } from "@gpujob/spec";
import { describe, it } from "vitest";
import { makePlan } from "./index.ts";
import { context, plainPrice, sampleJob, sampleOffer, usd } from "./testing/samples.ts";

interface Fixture {
  readonly types: readonly {
    readonly type: string;
    readonly maker: string;
    readonly name: string;
    /** Whole cards; 0 on a machine with a slice of one. */
    readonly count: number;
    readonly memoryMib: number;
    readonly usdPerHour: number;
  }[];
}

// Our own file, whose shape this type describes; it names its source.
const fixture: Fixture = JSON.parse(
  readFileSync(new URL("../fixtures/gpu-machine-types.json", import.meta.url), "utf8"),
);

/** Machines as their platform describes them, by the catalogue's names. */
const offers = fixture.types.map(({ type, maker, name, count, memoryMib, usdPerHour }): Offer => {
  const known = normalizeGpuName(`${maker} ${name}`);
  if (known === undefined) throw new Error(`The catalogue does not know ${maker} ${name}.`);
  const { vendor, model } = known;
  return sampleOffer({
    offerId: type,
    instanceType: type,
    gpu: {
      vendor,
      model,
      vramGib: memoryMib / 1024,
      count: Math.max(1, count),
      interconnect: "unknown",
    },
    price: { ...plainPrice, perHour: usd(usdPerHour) },
  });
});

function fitting(request: Partial<GpuRequest>): readonly string[] {
  const gpus = [{ count: { min: 1, max: 1 }, ...request }];
  const job = sampleJob({ resources: { gpus } });
  const { candidates } = makePlan({ ...context, job, offers, missing: [], exclusions: [] });
  return candidates.map(({ offerId }) => offerId);
}

describe("recorded machine types", () => {
  it("answer to the memory that a card is sold with, though it shows less", ({ expect }) => {
    // 22,888 MiB are sold as 24 GB, 45,776 as 48 GB, 144,384 as 141 GB, 183,359 as 180 GB.
    expect(fitting({ vramGib: { min: 24, max: 24 } })).toEqual(["g6.xlarge", "g5.xlarge"]);
    expect(fitting({ vramGib: { min: 48, max: 48 } })).toEqual(["g6e.xlarge"]);
    const eight = { min: 8, max: 8 };
    expect(fitting({ vramGib: { min: 141, max: 141 }, count: eight })).toEqual(["p5en.48xlarge"]);
    expect(fitting({ vramGib: { min: 180 }, count: eight })).toEqual(["p6-b200.48xlarge"]);
  });

  it("keep apart what is sold under one name with more and with less memory", ({ expect }) => {
    const count = { min: 8, max: 8 };
    const a100 = { models: ["A100"], count };
    expect(fitting({ ...a100, vramGib: { min: 40, max: 40 } })).toEqual(["p4d.24xlarge"]);
    expect(fitting({ ...a100, vramGib: { min: 80 } })).toEqual(["p4de.24xlarge"]);
    expect(fitting(a100)).toEqual(["p4d.24xlarge", "p4de.24xlarge"]);
  });

  it("do not pass a slice of a card for the card", ({ expect }) => {
    expect(fitting({ models: ["L4"], vramGib: { min: 24 } })).toEqual(["g6.xlarge"]);
    expect(fitting({ vramGib: { min: 16 } })).not.toContain("g6f.large");
  });

  it("keep cards apart whose names look alike, and vendors", ({ expect }) => {
    expect(fitting({ models: ["T4"] })).toEqual(["g4dn.xlarge"]);
    expect(fitting({ models: ["T4G"] })).toEqual(["g5g.xlarge"]);
    expect(fitting({ vendors: ["amd"] })).toEqual(["g4ad.xlarge"]);
    expect(fitting({ models: ["H100"] })).toEqual(["p5.4xlarge"]);
  });

  it("come in the order of their price for what is asked, however many cards that takes", ({
    expect,
  }) => {
    const wide = { count: { min: 4, max: 8 }, totalVramGib: { min: 96 } };
    const found = fitting(wide);
    const prices = found.map((id) => fixture.types.find(({ type }) => type === id)?.usdPerHour);
    expect(prices).toEqual(prices.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
    expect(found[0]).toBe("g5.12xlarge");
    expect(found).not.toContain("g4dn.12xlarge");
  });
});
