import * as fc from "fast-check";
import { describe, it } from "vitest";
import { indexOffers, joinIndexes, makePlan, openPackedOffers, packOffers } from "./index.ts";
import { context, gpu4090, plainPrice, sampleJob, sampleOffer, usd } from "./testing/samples.ts";

const offers = ["near", "far"].flatMap((platform) =>
  Array.from({ length: 12 }, (_, index) => {
    const offer = sampleOffer({
      platform,
      offerId: `${platform}-${index}`,
      region: index % 2 === 0 ? "cn-1" : "北京",
      gpu: { ...gpu4090, count: 1 + (index % 3), ...(index % 4 === 0 ? { variant: "D" } : {}) },
      market: index % 6 === 5 ? "spot" : "on-demand",
      price: {
        ...plainPrice,
        ...(index % 5 === 0 ? { perHour: usd(index + 1), discount: 0.9 } : {}),
      },
      availability: index % 4 === 1 ? index : "high",
      ...(index % 3 === 0 ? { interruptionsPerHour: 0.5, notes: ["a", "b"] } : {}),
    });
    const { gpu: _gpu, ...plain } = offer;
    return index === 11 ? plain : offer;
  }),
);

describe("offers that were packed", () => {
  it("come out as they went in", ({ expect }) => {
    const index = openPackedOffers(packOffers(indexOffers(offers)));
    expect(index.size).toBe(offers.length);
    const found = index.groups.flatMap((group) => index.read(group));
    const byId = (a: { offerId: string }, b: { offerId: string }): number =>
      a.offerId < b.offerId ? -1 : 1;
    expect(found.toSorted(byId)).toEqual(offers.toSorted(byId));
  });

  it("give the same plan as before, whichever of them are asked for", ({ expect }) => {
    fc.assert(
      fc.property(fc.subarray(offers), fc.integer({ min: 1, max: 4 }), (some, count) => {
        const job = sampleJob({
          resources: { gpus: [{ models: ["RTX4090"], count: { min: count, max: count } }] },
        });
        const plan = (given: Parameters<typeof makePlan>[0]["offers"]): unknown =>
          makePlan({ ...context, job, offers: given, missing: [], exclusions: [] });
        const opened = openPackedOffers(packOffers(indexOffers(some)));
        expect(plan(opened)).toEqual(plan(some));
      }),
      { numRuns: 50 },
    );
  });

  it("are read only where their group may fit", ({ expect }) => {
    const { head, body } = packOffers(indexOffers(offers));
    // Reading any offer of this body would throw.
    const blank = { head, body: new Uint8Array(body.length) };
    const job = sampleJob({ resources: { gpus: [{ models: ["H100"], count: { min: 1 } }] } });
    const plan = makePlan({
      ...context,
      job,
      offers: openPackedOffers(blank),
      missing: [],
      exclusions: [],
      rejections: "grouped",
    });
    expect(plan.candidates).toEqual([]);
    const told = plan.rejected.reduce((sum, { count = 1 }) => sum + count, 0);
    expect(told).toBe(offers.length);
  });
});

describe("indexes of several platforms", () => {
  it("make one that plans as if all had been in one list", ({ expect }) => {
    const of = (platform: string): ReturnType<typeof indexOffers> =>
      indexOffers(offers.filter((offer) => offer.platform === platform));
    const joined = joinIndexes([of("near"), of("far")]);
    const plan = (given: Parameters<typeof makePlan>[0]["offers"]): unknown =>
      makePlan({ ...context, job: sampleJob(), offers: given, missing: [], exclusions: [] });
    expect(plan(joined)).toEqual(plan(offers));
  });
});

describe("a platform that did not answer now", () => {
  const plan = (stale: readonly string[]): ReturnType<typeof makePlan> =>
    makePlan({
      ...context,
      job: sampleJob(),
      offers: [
        sampleOffer({ platform: "near", price: { ...plainPrice, perHour: usd(1) } }),
        sampleOffer({ platform: "far" }),
      ],
      missing: [],
      exclusions: [],
      stalePlatforms: new Set(stale),
    });

  it("comes last with what it said before, however cheap, and says so", ({ expect }) => {
    const { candidates } = plan(["far"]);
    expect(candidates.map(({ platform, isStale }) => [platform, isStale])).toEqual([
      ["near", undefined],
      ["far", true],
    ]);
    expect(candidates[0]?.reason).toBe("The only offer that fits.");
    expect(candidates[1]?.reason).toMatch(/^As it was when far last answered: .* less than/);
  });

  it("is explained by itself where no other answered", ({ expect }) => {
    expect(plan(["near", "far"]).candidates[0]?.reason).toBe(
      "As it was when far last answered: cheapest of 2 that fit.",
    );
  });
});
