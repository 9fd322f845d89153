import { findPublicFolders } from "@gpujob/catalog";
import type { DataNeed, Experience, ModelUse, Offer, Plan } from "@gpujob/spec";
import { describe, it } from "vitest";
import { makePlan, typeKey, readRecords } from "./index.ts";
import type { PlanInput } from "./index.ts";
import { cny, context, plainPrice, sampleJob, sampleOffer } from "./testing/samples.ts";

function offerAt(platform: string, price: number, changes: Partial<Offer> = {}): Offer {
  return sampleOffer({ platform, price: { ...plainPrice, perHour: cny(price) }, ...changes });
}

function planWith(
  data: readonly DataNeed[],
  offers: readonly Offer[],
  more: Partial<PlanInput> = {},
  job: Parameters<typeof sampleJob>[0] = {},
): Plan {
  const input = { ...context, missing: [], exclusions: [], ...more };
  return makePlan({ ...input, job: sampleJob({ ...job, data }), offers });
}

const imagenet = { name: "imagenet", sizeGib: 150, at: { near: "/data/imagenet" } };

describe("data that a job reads", () => {
  it("draws the job to where it is, when fetching it costs more than the machine saves", ({
    expect,
  }) => {
    const offers = [offerAt("near", 2), offerAt("far", 1.9)];
    const [first, second] = planWith([imagenet], offers).candidates;
    expect(first).toMatchObject({ platform: "near", breakdown: { data: cny(0) } });
    expect(first?.moves).toEqual([
      {
        name: "imagenet",
        bytes: 0,
        path: "/data/imagenet",
        seconds: 0,
        why: "imagenet is there: /data/imagenet",
      },
    ]);
    // 150 GiB at 100 Mbit/s are 12,885 s, at 1.9 CNY an hour.
    expect(second?.moves).toMatchObject([{ bytes: 150 * 2 ** 30, seconds: 12_885 }]);
    expect(second?.breakdown.data?.micros).toBeCloseTo((1_900_000 * 12_885) / 3600, -1);
    expect(second?.breakdown.unknown).toContain(
      "the speed of fetching imagenet (100 Mbit/s assumed)",
    );
    // A machine that is much cheaper is worth the way.
    const far = planWith([imagenet], [offerAt("near", 20), offerAt("far", 1)]);
    expect(far.candidates[0]?.platform).toBe("far");
  });

  it("is part of the sum, also with a discount", ({ expect }) => {
    const price = { ...plainPrice, perHour: cny(1.9), discount: 0.9 };
    const [only] = planWith([imagenet], [sampleOffer({ platform: "far", price })]).candidates;
    const { unknown: _unknown, ownRate: _rate, ...parts } = only?.breakdown ?? { unknown: [] };
    const sum = Object.values(parts).reduce((total, part) => total + (part?.micros ?? 0), 0);
    expect(sum).toBe(only?.totalPrice.micros);
  });

  it("costs what its source takes for sending it, where that is known", ({ expect }) => {
    const near = (egress?: number): Offer => {
      const { egressPerGib: _none, ...rest } = plainPrice;
      const perGib = egress === undefined ? {} : { egressPerGib: cny(egress) };
      return sampleOffer({ platform: "near", price: { ...rest, perHour: cny(9), ...perGib } });
    };
    const dataOf = (plan: Plan): number =>
      plan.candidates.find(({ platform }) => platform === "far")?.breakdown.data?.micros ?? 0;
    const free = dataOf(planWith([imagenet], [near(0), offerAt("far", 1)]));
    const paid = dataOf(planWith([imagenet], [near(0.8), offerAt("far", 1)]));
    expect(paid - free).toBe(150 * 800_000);
    const silent = planWith([imagenet], [near(), offerAt("far", 1)]);
    const far = silent.candidates.find(({ platform }) => platform === "far");
    expect(far?.breakdown.unknown).toContain("what near takes for sending imagenet");
  });

  it("of unknown size costs what is not known, never nothing", ({ expect }) => {
    const [only] = planWith([{ name: "corpus", at: {} }], [offerAt("far", 1)]).candidates;
    expect(only?.breakdown).toMatchObject({
      data: null,
      unknown: ["the size of corpus (data.corpus.size)"],
    });
    expect(only?.moves?.[0]).not.toHaveProperty("seconds");
  });

  it("may be in a public folder of the platform, which is said and not believed", ({ expect }) => {
    const publicFolders = { autodl: findPublicFolders("autodl") };
    const [only] = planWith([{ ...imagenet, at: {} }], [offerAt("autodl", 1)], {
      publicFolders,
    }).candidates;
    expect(only?.moves?.[0]?.why).toBe(
      "imagenet: 150 GiB fetched in 3h 34m (100 Mbit/s assumed), unless it is in /root/autodl-pub: then name it under data.imagenet.at",
    );
    expect(only?.breakdown.data?.micros).toBeGreaterThan(0);
  });

  it("is fetched at the speed that was measured there", ({ expect }) => {
    const seen: Experience = {
      leaseKey: "k",
      platform: "far",
      instanceType: "one-4090",
      market: "on-demand",
      at: 0,
      downloadMbps: 1000,
      sentBytes: 100 * 2 ** 20,
      sentMs: 10_000,
    };
    const records = readRecords([seen]);
    const job = { workdir: "/work" };
    const [only] = planWith(
      [{ ...imagenet, at: {} }],
      [offerAt("far", 1)],
      { records, uploadBytes: 83_886_080 },
      job,
    ).candidates;
    expect(only?.moves?.[0]).toMatchObject({ seconds: 1289 });
    // 80 MiB at the 84 Mbit/s that the last upload reached.
    expect(only?.breakdown.upload?.micros).toBe(Math.round((8 / 3600) * 1e6));
    expect(only?.breakdown.unknown.join(" ")).not.toMatch(/imagenet|upload/);
  });

  it("is the published weights of a model that the catalogue knows, too", ({ expect }) => {
    const model: ModelUse = {
      name: "Qwen2.5-7B",
      task: "inference",
      precision: "int4",
      contextTokens: 1024,
      batch: 1,
      optimizer: "adamw",
    };
    const publicFolders = { gpugeek: findPublicFolders("gpugeek") };
    const job = { model, resources: { gpus: [] } };
    const [only] = planWith([], [offerAt("gpugeek", 1)], { publicFolders }, job).candidates;
    expect(only?.moves?.[0]?.why).toMatch(/^Qwen2\.5-7B: 14\.\d+ GiB fetched .* in \/gz-models:/);
  });
});

describe("files that an earlier run left on a machine of one's own", () => {
  it("are not sent again, which makes that machine cheaper", ({ expect }) => {
    const own = offerAt("lab", 2);
    const other = offerAt("far", 1.99);
    const uploadBytes = 1_000_000_000;
    const more = { uploadBytes, leftToSend: { [typeKey(own)]: 2 * 2 ** 20 } };
    const { candidates } = planWith([], [own, other], more, { workdir: "/work" });
    expect(candidates.map(({ platform }) => platform)).toEqual(["lab", "far"]);
    expect(candidates[0]?.moves).toEqual([
      {
        name: "files",
        bytes: 2 * 2 ** 20,
        thereBytes: uploadBytes - 2 * 2 ** 20,
        why: "files: 2 MiB of 953.7 MiB are sent, the rest is there from an earlier run",
      },
    ]);
    expect(candidates[1]).not.toHaveProperty("moves");
  });
});

describe("times that were seen here", () => {
  it("stand before those that the platform tells, once there are three of them", ({ expect }) => {
    const boot = (bootMs: number): Experience => ({
      leaseKey: String(bootMs),
      platform: "far",
      instanceType: "one-4090",
      market: "on-demand",
      at: 0,
      bootMs,
    });
    const price = { ...plainPrice, billing: { ...plainPrice.billing, isBootBilled: true } };
    const offers = [sampleOffer({ platform: "far", price, bootSeconds: 60 })];
    const bootOf = (times: readonly number[]): number | undefined => {
      const records = readRecords(times.map(boot));
      return planWith([], offers, { records }).candidates[0]?.breakdown.boot.micros;
    };
    expect(bootOf([1])).toBe(bootOf([]));
    expect(bootOf([180_000, 190_000, 170_000])).toBe(100_000);
  });

  it("tell how often a spot machine is taken away where its platform does not", ({ expect }) => {
    const lost = (index: number): Experience => ({
      leaseKey: String(index),
      platform: "far",
      instanceType: "one-4090",
      market: "spot",
      at: 0,
      end: "interrupted",
      heldMs: 2 * 3_600_000,
    });
    const offers = [offerAt("far", 1, { market: "spot" })];
    const reworkOf = (count: number): number | undefined => {
      const records = readRecords(Array.from({ length: count }, (_, index) => lost(index)));
      const plan = planWith([], offers, { records }, { market: "spot" });
      return plan.candidates[0]?.breakdown.expectedRework?.micros;
    };
    expect(reworkOf(1)).toBeUndefined();
    expect(reworkOf(10)).toBeGreaterThan(100_000);
  });
});
