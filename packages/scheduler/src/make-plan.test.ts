import type { JobSpec, Offer, Plan } from "@gpujob/spec";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import {
  explainNoOffer,
  findOffers,
  indexOffers,
  makePlan,
  matchOffer,
  rankOffers,
} from "./index.ts";
import type { PlanInput } from "./index.ts";
import { cny, context, gpu4090, plainPrice, sampleJob, sampleOffer } from "./testing/samples.ts";

function priced(offerId: string, perHour: number, changes: Partial<Offer> = {}): Offer {
  return sampleOffer({ offerId, price: { ...plainPrice, perHour: cny(perHour) }, ...changes });
}

function plan(job: JobSpec, offers: readonly Offer[], changes: Partial<PlanInput> = {}): Plan {
  return makePlan({ ...context, job, offers, missing: [], exclusions: [], ...changes });
}

const ids = ({ candidates }: Plan): readonly string[] => candidates.map(({ offerId }) => offerId);

describe("makePlan", () => {
  it("ranks by total price and says why", ({ expect }) => {
    const hourly = { unitSeconds: 86_400, minimumSeconds: 0 };
    const daily = sampleOffer({
      offerId: "daily",
      price: { ...plainPrice, perHour: cny(1), billing: hourly },
    });
    const made = plan(sampleJob(), [daily, priced("dear", 3), priced("fair", 1.5)]);
    expect(made.candidates.map(({ rank, offerId, reason }) => [rank, offerId, reason])).toEqual([
      [1, "fair", "Cheapest of 3 that fit."],
      [2, "dear", "1.50 CNY more than the first."],
      [3, "daily", "22.50 CNY more than the first."],
    ]);
    expect(made.currency).toBe("CNY");
    expect(made.exchangeRates).toEqual(context.rates);
  });

  it("orders equal prices by platform, then by offer id", ({ expect }) => {
    const made = plan(sampleJob(), [
      priced("b", 1, { platform: "y" }),
      priced("a", 1, { platform: "y" }),
      priced("z", 1, { platform: "x" }),
    ]);
    expect(ids(made)).toEqual(["z", "a", "b"]);
    expect(made.candidates[1]?.reason).toBe("Same price as the first.");
    const regions = ["r1", "r2", "r1"].map((region, at) => priced(`id-${at}`, 1, { region }));
    expect(ids(plan(sampleJob(), regions))).toEqual(["id-0", "id-1", "id-2"]);
  });

  it("puts preferred platforms before cheaper ones, in their order", ({ expect }) => {
    const job = sampleJob({ platforms: { allow: [], deny: [], prefer: ["lab", "home"] } });
    const made = plan(job, [
      priced("cheapest", 1),
      priced("home", 2, { platform: "home" }),
      priced("lab", 3, { platform: "lab" }),
    ]);
    expect(ids(made)).toEqual(["lab", "home", "cheapest"]);
    expect(made.candidates[0]?.reason).toBe(
      "Cheapest in the order asked for: platform lab is preferred.",
    );
    expect(made.candidates[2]?.reason).toBe(
      "2.00 CNY less than the first, on a platform that is preferred less.",
    );
  });

  it("puts the accelerator named first before cheaper ones only where the order counts", ({
    expect,
  }) => {
    const one = { min: 1, max: 1 };
    const gpus = [
      { models: ["H100"], count: one },
      { models: ["RTX4090"], count: one },
    ];
    const offers = [
      priced("4090", 1),
      priced("h100", 9, { gpu: { ...gpu4090, model: "H100", vramGib: 80 } }),
    ];
    const ordered = plan(sampleJob({ resources: { gpus, isOrderedPreference: true } }), offers);
    expect(ids(ordered)).toEqual(["h100", "4090"]);
    expect(ordered.candidates[1]?.reason).toContain("an accelerator asked for later");
    expect(ids(plan(sampleJob({ resources: { gpus } }), offers))).toEqual(["4090", "h100"]);
  });

  it("lists what does not fit with every reason and the key behind it", ({ expect }) => {
    const small = priced("small", 1, {
      gpu: { ...gpu4090, model: "T4", vramGib: 16 },
      market: "spot",
    });
    expect(plan(sampleJob(), [small]).rejected).toEqual([
      {
        platform: "cheap",
        offerId: "small",
        reasons: ["spot, on-demand asked for", "T4, RTX4090 asked for"],
        keys: ["market", "resources.gpu"],
      },
    ]);
  });

  it("names what is not known in the breakdown", ({ expect }) => {
    const { bootSeconds: _, ...offer } = sampleOffer();
    const [best] = plan(sampleJob(), [offer]).candidates;
    expect(best?.reason).toBe("The only offer that fits.");
    expect(best?.breakdown.unknown).toEqual(["the boot time (120 s assumed)"]);
  });

  it("keeps the offers beside the candidates for the engine", ({ expect }) => {
    const offer = sampleOffer();
    const { ranked } = rankOffers({
      ...context,
      job: sampleJob(),
      offers: [offer],
      missing: [],
      exclusions: [],
    });
    expect(ranked[0]?.offer).toBe(offer);
    expect(ranked[0]?.candidate.offerId).toBe(offer.offerId);
  });

  it("is the same whatever order offers come in, with or without an index made before", ({
    expect,
  }) => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...market], { minLength: market.length }), (offers) => {
        const expected = plan(mixedJob, market);
        expect(plan(mixedJob, offers)).toEqual(expected);
        const index = indexOffers(offers);
        expect(
          makePlan({ ...context, job: mixedJob, offers: index, missing: [], exclusions: [] }),
        ).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it("keeps spot and on-demand machines of one kind apart", ({ expect }) => {
    const offers = [priced("a", 1, { market: "spot" }), priced("b", 1)];
    expect(ids(plan(sampleJob(), offers))).toEqual(["b"]);
    expect(ids(plan(sampleJob({ market: "spot" }), offers))).toEqual(["a"]);
  });

  it("accepts exactly the offers that match one by one", ({ expect }) => {
    const { candidates, rejected } = plan(mixedJob, market);
    const reasons = new Map(
      market.map((offer) => [offer.offerId, matchOffer(mixedJob, offer, [], context)]),
    );
    expect(candidates.length + rejected.length).toBe(market.length);
    expect(candidates.length).toBeGreaterThan(0);
    for (const { offerId } of candidates) expect(reasons.get(offerId)).toEqual([]);
    for (const { offerId, reasons: listed } of rejected) {
      expect(listed).toEqual(reasons.get(offerId));
      expect(listed.length).toBeGreaterThan(0);
    }
    const found = findOffers({
      ...context,
      job: mixedJob,
      index: indexOffers(market),
      exclusions: [],
    });
    expect(found.map(({ offer }) => offer.offerId).toSorted()).toEqual(
      candidates.map(({ offerId }) => offerId).toSorted(),
    );
  });
});

/** Offers that differ in everything a group is made by, and in what is not. */
const market: readonly Offer[] = ["x", "y"].flatMap((platform) =>
  ["cn-1", "us-1"].flatMap((region) =>
    [1, 2, 4].flatMap((count) =>
      ["RTX4090", "A100"].map((model, at) =>
        priced(`${platform}-${region}-${count}-${model}`, count * (at + 1), {
          platform,
          region,
          gpu: { ...gpu4090, model, count },
          cpuCount: count * 8,
          market: region === "cn-1" && platform === "y" && count === 2 ? "spot" : "on-demand",
        }),
      ),
    ),
  ),
);

const mixedJob = sampleJob({
  regions: ["cn-*"],
  resources: {
    gpus: [{ models: ["RTX4090", "A100"], count: { min: 1, max: 2 } }],
    cpuCount: { min: 16 },
  },
});

describe("explainNoOffer", () => {
  it("says nothing where something fits", ({ expect }) => {
    expect(explainNoOffer(plan(sampleJob(), [sampleOffer()]))).toBeUndefined();
  });

  it("names the nearest offers and the one change that lets most in", ({ expect }) => {
    const job = sampleJob({
      resources: { gpus: [{ vramGib: { min: 40 }, count: { min: 1, max: 1 } }] },
      regions: ["cn-*"],
    });
    const answer = explainNoOffer(
      plan(job, [priced("a", 1), priced("b", 1), priced("c", 1, { region: "us-1" })]),
    );
    expect(answer?.exitCode).toBe(114);
    expect(answer?.kind).toBe("no_offer_matches");
    expect(answer?.message).toContain("cheap a (24 GiB per card, 40 asked for)");
    expect(answer?.hint).toBe("Relaxing `resources.gpu` would let in 2 offers.");
  });

  it("shows offers that fail alike once", ({ expect }) => {
    const job = sampleJob({ market: "spot" });
    const dear = priced("dear", 1, { platform: "other", gpu: { ...gpu4090, count: 2 } });
    const message = explainNoOffer(plan(job, [priced("a", 1), priced("b", 1), dear]))?.message;
    expect(message).toBe(
      "No offer fits (3 offers looked at). Nearest: cheap a (on-demand, spot asked for), " +
        "other dear (on-demand, spot asked for; 2 cards, 1 asked for).",
    );
  });

  it("tells sold out from too little", ({ expect }) => {
    const answer = explainNoOffer(plan(sampleJob(), [sampleOffer({ availability: "none" })]));
    expect(answer?.hint).toContain("queue");
  });

  it("is about credentials when every platform that could fit was missing for them", ({
    expect,
  }) => {
    const failure = { kind: "unauthorized", message: "x: the token is refused." } as const;
    const refused = { platform: "x", reason: "the token is refused", failure };
    const slow = { platform: "y", reason: "no answer in 3 s" };
    const answer = explainNoOffer(plan(sampleJob(), [], { missing: [refused] }));
    expect(answer?.exitCode).toBe(116);
    expect(answer?.hint).toContain("gpujob doctor");
    expect(explainNoOffer(plan(sampleJob(), [], { missing: [refused, slow] }))?.exitCode).toBe(114);
  });
});
