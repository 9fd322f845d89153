import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { profileNames, type JobSpec, type Offer, type Plan, type ProfileName } from "@gpujob/spec";
import { describe, it } from "vitest";
import { findProfile, makePlan } from "./index.ts";
import {
  clusterOffers,
  domesticOffers,
  dryOffers,
  guideTraits,
  offers4090,
  recommendations,
} from "./testing/guide-2026.ts";
import { context, sampleJob, sampleOffer } from "./testing/samples.ts";

const hour = 3_600_000;
const short = { expectedTimeMs: hour / 2 };

function planFor(
  profile: ProfileName,
  offers: readonly Offer[],
  job: Parameters<typeof sampleJob>[0] = {},
): Plan {
  const own: JobSpec = sampleJob({ ...job, profile });
  const input = { ...context, missing: [], exclusions: [], traitsByPlatform: guideTraits };
  return makePlan({ ...input, job: own, offers });
}

function best(plan: Plan, count: number): readonly string[] {
  return plan.candidates.slice(0, count).map(({ platform }) => platform);
}

describe("the scenarios of the guide that profiles are made from", () => {
  const disk = { diskGib: { min: 200 } };
  // At the lowest prices of its ranges, in the middle and at the highest.
  for (const point of [0, 0.5, 1]) {
    const jobs = {
      student: short,
      university: { expectedTimeMs: 72 * hour, resources: disk },
      "start-up": { expectedTimeMs: 12 * hour, resources: disk },
      enterprise: { expectedTimeMs: 24 * hour, resources: disk },
    } as const;
    for (const profile of ["student", "university", "start-up", "enterprise"] as const) {
      it(`come out for ${profile} at ${point * 100} % of the price ranges`, ({ expect }) => {
        const named = recommendations[profile];
        const plan = planFor(profile, offers4090(point), jobs[profile]);
        expect(new Set(best(plan, named.length))).toEqual(new Set(named));
      });
    }
    it(`come out for backup at ${point * 100} % of the price ranges`, ({ expect }) => {
      const plan = planFor("backup", dryOffers(point), { expectedTimeMs: 12 * hour });
      expect(new Set(best(plan, 2))).toEqual(new Set(["gpugeek", "mornai"]));
    });
  }

  it("come out for domestic-only, where nothing else is looked at", ({ expect }) => {
    const plan = planFor("domestic-only", domesticOffers(), { resources: { gpus: [] } });
    expect(best(plan, 1)).toEqual(recommendations["domestic-only"]);
    expect(plan.candidates.every(({ gpu }) => gpu?.vendor !== "nvidia")).toBe(true);
    expect(plan.rejected[0]).toMatchObject({
      reasons: ["no domestic accelerator (domestic-only)"],
      keys: ["profile"],
    });
  });

  it("come out for large-multi-gpu, with fast links between cards and nodes", ({ expect }) => {
    const plan = planFor("large-multi-gpu", clusterOffers(), {
      resources: { gpus: [], nodes: 2 },
    });
    expect(new Set(best(plan, 9))).toEqual(new Set(recommendations["large-multi-gpu"]));
    const reasons = Object.fromEntries(
      plan.rejected.map(({ platform, reasons: [first] }) => [platform, first]),
    );
    expect(reasons).toEqual({
      tencent: "no RDMA between nodes known (large-multi-gpu)",
      autodl: "no RDMA between nodes known (large-multi-gpu)",
      mornai: "only PCIe between cards (large-multi-gpu)",
    });
  });
});

describe("a profile", () => {
  it("weighs 100 points in all, and the cheapest one weighs nothing", ({ expect }) => {
    for (const name of profileNames) {
      const profile = findProfile(name);
      const sum = Object.values(profile?.weights ?? {}).reduce((total, each) => total + each, 0);
      expect([name, sum]).toEqual([name, name === "cheapest" ? 0 : 100]);
    }
  });

  it("stands in the documentation as it is", async ({ expect }) => {
    const page = await readFile(join(import.meta.dirname, "../../../docs/choosing.md"), "utf8");
    const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
    const order = ["price", "availability", "stability", "ease", "domestic", "support"] as const;
    for (const name of profileNames.filter((each) => each !== "cheapest")) {
      const row = rows.find(([, cell]) => cell === `\`${name}\``) ?? [];
      const weights = findProfile(name)?.weights ?? {};
      expect([name, ...row.slice(3, 9)]).toEqual([
        name,
        ...order.map((dimension) => String(weights[dimension] ?? 0)),
      ]);
    }
  });

  it("tells of what its points are made, and they add up", ({ expect }) => {
    const { candidates } = planFor("student", offers4090(0), short);
    for (const { score } of candidates) {
      const sum = score?.parts.reduce((total, { weight, share }) => total + weight * share, 0) ?? 0;
      expect(Math.abs(sum - (score?.points ?? 0))).toBeLessThan(0.2);
    }
    expect(candidates[0]?.score?.parts).toContainEqual({
      dimension: "ease",
      weight: 45,
      share: 1,
      why: "the most images and the largest community",
    });
  });

  it("says in one sentence why each offer stands where it stands", ({ expect }) => {
    const { candidates } = planFor("student", offers4090(0), short);
    expect(candidates.map(({ platform, reason }) => `${platform}: ${reason}`))
      .toMatchInlineSnapshot(`
        [
          "autodl: Best of 7 that fit for a student or a short experiment on little money: easier to start with and better supported than the cheapest, gpugeek, for 0.1833 CNY more.",
          "gpushare: Harder to start with and with less support than the first, though 0.173 CNY less.",
          "gpugeek: Harder to start with and with less support than the first, though 0.1833 CNY less.",
          "mornai: 0.445 CNY more and harder to start with than the first.",
          "huawei: 0.645 CNY more and harder to start with than the first, though better supported.",
          "aliyun: 0.645 CNY more and harder to start with than the first, though better supported.",
          "tencent: 0.645 CNY more and harder to start with than the first, though better supported.",
        ]
      `);
  });

  it("gives the same plan whatever order the offers come in", ({ expect }) => {
    const offers = offers4090(0.5);
    for (const profile of profileNames) {
      const plan = planFor(profile, offers);
      expect(planFor(profile, offers.toReversed())).toEqual(plan);
    }
  });

  it("leaves what the job orders itself before its own points", ({ expect }) => {
    const platforms = { allow: [], deny: [], prefer: ["aliyun"] };
    const { candidates } = planFor("student", offers4090(0), { ...short, platforms });
    expect(candidates.slice(0, 2).map(({ platform }) => platform)).toEqual(["aliyun", "autodl"]);
    expect(candidates[0]?.reason).toContain("platform aliyun is preferred");
  });

  it("ranks platforms that nobody says anything of, and machines that are free", ({ expect }) => {
    const price = sampleOffer().price;
    const free = sampleOffer({
      platform: "lab",
      offerId: "lab",
      price: { ...price, perHour: { currency: "CNY", micros: 0 } },
    });
    const { candidates } = planFor("university", [free, sampleOffer({ platform: "unheard-of" })]);
    expect(candidates.map(({ platform }) => platform)).toEqual(["lab", "unheard-of"]);
    const parts = candidates[1]?.score?.parts ?? [];
    expect(parts.find(({ dimension }) => dimension === "ease")?.why).toBe("nobody says");
  });
});
