import type { Experience, Offer, Plan } from "@gpujob/spec";
import { describe, it } from "vitest";
import { describeRecord, makePlan, readRecords } from "./index.ts";
import { believedRate, believedShare, rateInterval, shareInterval } from "./estimate.ts";
import { cny, context, plainPrice, sampleJob, sampleOffer } from "./testing/samples.ts";

function experiences(
  count: number,
  changes: Partial<Experience> = {},
  platform = "bad",
): readonly Experience[] {
  return Array.from({ length: count }, (_, index) => ({
    leaseKey: `${platform}-${JSON.stringify(changes)}-${index}`,
    platform,
    instanceType: "one-4090",
    market: "on-demand",
    at: index,
    isCreated: true,
    end: "served",
    ...changes,
  }));
}

const lost = { end: "interrupted" } as const;

function offerAt(platform: string, price: number, changes: Partial<Offer> = {}): Offer {
  return sampleOffer({ platform, price: { ...plainPrice, perHour: cny(price) }, ...changes });
}

function planWith(
  seen: readonly Experience[],
  offers: readonly Offer[],
  profile = "cheapest",
): Plan {
  const job = sampleJob({ profile });
  const input = { ...context, missing: [], exclusions: [], records: readRecords(seen) };
  return makePlan({ ...input, job, offers });
}

function order(plan: Plan): readonly string[] {
  return plan.candidates.map(({ platform }) => platform);
}

describe("what own leases tell", () => {
  it("moves a price a little with one failure, and does not banish its platform", ({ expect }) => {
    const seen = experiences(1, lost);
    expect(order(planWith(seen, [offerAt("bad", 1), offerAt("good", 1.1)]))).toEqual([
      "bad",
      "good",
    ]);
    const close = planWith(seen, [offerAt("bad", 1), offerAt("good", 1.02)]);
    expect(order(close)).toEqual(["good", "bad"]);
    expect(close.candidates.map(({ reason }) => reason)).toEqual([
      "Cheapest of 2 that fit, once what own leases told is counted in.",
      "0.02 CNY less than the first, but counts as 1.05 CNY, as 1 of 1 machine failed or was lost there.",
    ]);
    // What is paid is not what it counts as.
    expect(close.candidates[1]?.totalPrice).toEqual(cny(1));
  });

  it("gives a platform that served well the close calls", ({ expect }) => {
    const seen = experiences(100, {}, "good");
    const plan = planWith(seen, [offerAt("new", 1), offerAt("good", 1.01)]);
    expect(plan.candidates.map(({ reason }) => reason)).toEqual([
      "Cheapest of 2 that fit, once what own leases told is counted in.",
      "0.01 CNY less than the first, which own leases speak for.",
    ]);
  });

  it("weighs more the more there is of it", ({ expect }) => {
    const offers = [offerAt("bad", 1), offerAt("good", 1.5)];
    expect(order(planWith(experiences(3, lost), offers))).toEqual(["bad", "good"]);
    expect(order(planWith(experiences(20, lost), offers))).toEqual(["good", "bad"]);
    const many = [...experiences(200), ...experiences(20, lost)];
    expect(order(planWith(many, offers))).toEqual(["bad", "good"]);
  });

  it("counts for other kinds of machine of the same platform, less than for its own", ({
    expect,
  }) => {
    const seen = experiences(10, { ...lost, instanceType: "other" });
    const plan = planWith(seen, [
      offerAt("bad", 1),
      offerAt("bad", 1, { offerId: "o", instanceType: "other" }),
      offerAt("good", 5),
    ]);
    const [same, other] = plan.candidates.map(
      ({ experience }) => experience?.countsAs?.micros ?? 0,
    );
    expect(same).toBeGreaterThan(1_000_000);
    expect(other).toBeGreaterThanOrEqual(same ?? 0);
  });

  it("holds bills above the quote against a platform's prices", ({ expect }) => {
    const seen = experiences(10, { quoted: cny(1), billed: cny(1.3) });
    const plan = planWith(seen, [offerAt("bad", 1), offerAt("good", 1.1)]);
    expect(order(plan)).toEqual(["good", "bad"]);
    expect(plan.candidates[1]?.experience?.seen.at(-1)).toBe("billed 30 % above quote (10 bills)");
  });

  it("raises and lowers availability and stability under a profile", ({ expect }) => {
    const offers = [offerAt("bad", 1), offerAt("good", 1)];
    const refused = experiences(10, { isCreated: false });
    expect(order(planWith(refused, offers, "backup"))).toEqual(["good", "bad"]);
    const fine = experiences(30);
    expect(order(planWith(fine, [offerAt("a", 1), offerAt("bad", 1)], "backup"))).toEqual([
      "bad",
      "a",
    ]);
  });

  it("does not hold it against a spot machine that it was taken away: its price says that", ({
    expect,
  }) => {
    const seen = experiences(10, { ...lost, market: "spot", heldMs: 3_600_000 });
    const { byPlatform } = readRecords(seen);
    expect(byPlatform["bad"]).toMatchObject({
      failures: { times: 0, of: 10 },
      spot: { interruptions: 10, hours: 10 },
    });
  });

  it("is told with its number of samples, and nothing that was never seen", ({ expect }) => {
    const seen = [
      ...experiences(2, { bootMs: 40_000 }),
      ...experiences(1, { bootMs: 100_000, sentBytes: 50 * 2 ** 20, sentMs: 10_000 }),
      ...experiences(1, { isCreated: false, end: "failed" }),
    ];
    const record = readRecords(seen).byPlatform["bad"];
    expect(record === undefined ? [] : describeRecord(record)).toEqual([
      "came when asked for 3 of 4 times (30 to 95 %)",
      "stayed until given back 3 of 4 times (30 to 95 %)",
      "boots in 40 s (at most 100 s, 3 seen)",
      "took 42 Mbit/s of upload (1 time)",
    ]);
    expect(planWith([], [offerAt("bad", 1)]).candidates[0]).not.toHaveProperty("experience");
  });
});

describe("estimates of few samples", () => {
  it("are Wilson's interval for shares: the figures of the literature", ({ expect }) => {
    // 9 of 10: 59.6 to 98.2 %; 0 of 10: 0 to 27.8 %.
    expect(shareInterval({ times: 9, of: 10 }).low).toBeCloseTo(0.596, 3);
    expect(shareInterval({ times: 9, of: 10 }).high).toBeCloseTo(0.982, 3);
    expect(shareInterval({ times: 0, of: 10 }).high).toBeCloseTo(0.278, 3);
    expect(shareInterval({ times: 0, of: 0 })).toEqual({ low: 0, high: 1 });
  });

  it("hold the true share in about 95 of 100 samples of eight", ({ expect }) => {
    // All samples of eight with their chance: no randomness is needed to count how often the interval holds the truth.
    const choose = (k: number): number =>
      Array.from({ length: k }, (_, i) => (8 - i) / (i + 1)).reduce((a, b) => a * b, 1);
    const truths = [0.5, 0.7, 0.8, 0.9, 0.95];
    const held = truths.map((truth) =>
      Array.from({ length: 9 }, (_, times) => {
        const { low, high } = shareInterval({ times, of: 8 });
        const chance = choose(times) * truth ** times * (1 - truth) ** (8 - times);
        return low <= truth && truth <= high ? chance : 0;
      }).reduce((a, b) => a + b, 0),
    );
    expect(Math.min(...held)).toBeGreaterThan(0.89);
    expect(held.reduce((a, b) => a + b, 0) / held.length).toBeGreaterThan(0.93);
  });

  it("are a Poisson interval for rates", ({ expect }) => {
    // Exact for 3 events in 10 h: 0.062 to 0.877 per hour; for none: 0 to 0.369.
    expect(rateInterval({ times: 3, hours: 10 }).low).toBeCloseTo(0.06, 2);
    expect(rateInterval({ times: 3, hours: 10 }).high).toBeCloseTo(0.877, 2);
    expect(rateInterval({ times: 0, hours: 10 }).high).toBeCloseTo(0.369, 1);
    expect(rateInterval({ times: 0, hours: 0 }).high).toBe(Number.POSITIVE_INFINITY);
  });

  it("reckon with what was believed before, less and less", ({ expect }) => {
    const prior = { share: 0.95, strength: 10 };
    expect(believedShare({ times: 0, of: 0 }, prior)).toBe(0.95);
    expect(believedShare({ times: 0, of: 1 }, prior)).toBeCloseTo(0.864, 3);
    expect(believedShare({ times: 0, of: 90 }, prior)).toBeCloseTo(0.095, 3);
    expect(believedRate({ times: 0, hours: 0 }, 20)).toBe(0.05);
    expect(believedRate({ times: 9, hours: 80 }, 20)).toBe(0.1);
  });
});
