import type { BillingRule, JobSpec, Money, Offer, PriceBreakdown } from "@gpujob/spec";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { priceOffer } from "./index.ts";
import { cny, context, plainPrice, sampleJob, sampleOffer, usd } from "./testing/samples.ts";

const sendsFiles = { workdir: "/home/me/job" };

function partsOf(breakdown: PriceBreakdown): readonly (Money | null)[] {
  const { unknown: _, ownRate: __, ...parts } = breakdown;
  return Object.values(parts);
}

describe("priceOffer", () => {
  it("charges an hour at the hourly price where nothing else costs", ({ expect }) => {
    const quote = priceOffer(sampleJob(), sampleOffer(), context);
    expect(quote.totalPrice).toEqual(cny(2));
    expect(quote.pricePerHour).toEqual(cny(2));
    expect(quote.breakdown.compute).toEqual(cny(2));
    expect(quote.breakdown.unknown).toEqual([]);
  });

  it("charges the boot unless the platform does not", ({ expect }) => {
    const billing = { unitSeconds: 1, minimumSeconds: 0 };
    const price = { ...plainPrice, perHour: cny(3.6), billing };
    const bootSeconds = 100;
    const billed = priceOffer(sampleJob(), sampleOffer({ price, bootSeconds }), context);
    expect(billed.breakdown.boot).toEqual(cny(0.1));
    const free = { ...price, billing: { ...billing, isBootBilled: false } };
    const unbilled = priceOffer(sampleJob(), sampleOffer({ price: free, bootSeconds }), context);
    expect(unbilled.breakdown.boot).toEqual(cny(0));
  });

  it("adds the upload at the speed given", ({ expect }) => {
    const price = { ...plainPrice, perHour: cny(3.6) };
    const quote = priceOffer(sampleJob(sendsFiles), sampleOffer({ price }), {
      ...context,
      uploadBytes: 1_000_000_000,
      bandwidthMbps: 80,
    });
    expect(quote.breakdown.upload).toEqual(cny(0.1));
    expect(quote.breakdown.unknown).toEqual([]);
  });

  it("shows what rounding up to units and minimum adds, after everything else", ({ expect }) => {
    const billing = { unitSeconds: 3600, minimumSeconds: 0 };
    const offer = sampleOffer({ price: { ...plainPrice, billing }, bootSeconds: 900 });
    const quote = priceOffer(sampleJob({ expectedTimeMs: 1_800_000 }), offer, context);
    expect(quote.breakdown.compute).toEqual(cny(1));
    expect(quote.breakdown.boot).toEqual(cny(0.5));
    expect(quote.breakdown.minimum).toEqual(cny(0.5));
    expect(quote.totalPrice).toEqual(cny(2));
  });

  it("takes the discount off everything that is compute", ({ expect }) => {
    const offer = sampleOffer({ price: { ...plainPrice, discount: 0.95 } });
    const { breakdown, totalPrice, pricePerHour } = priceOffer(sampleJob(), offer, context);
    expect(breakdown.discount).toEqual(cny(-0.1));
    expect(totalPrice).toEqual(cny(1.9));
    expect(pricePerHour).toEqual(cny(1.9));
  });

  it("charges disk above what is included, public addresses and traffic, for every node", ({
    expect,
  }) => {
    const price = {
      ...plainPrice,
      diskPerGibHour: cny(0.001),
      publicIpPerHour: cny(0.02),
      egressPerGib: cny(0.5),
    };
    const job = sampleJob({ resources: { nodes: 2, diskGib: { min: 150 } } });
    const offer = sampleOffer({ price, bootSeconds: 0, maxNodes: 2 });
    const quote = priceOffer(job, offer, { ...context, outputBytes: 2 ** 31 });
    // Two GiB take 172 s at 100 Mbit/s, for which everything is paid too.
    const hours = 1 + 172 / 3600;
    expect(quote.breakdown.disk).toEqual(cny(0.2 * hours));
    expect(quote.breakdown.publicIp).toEqual(cny(0.04 * hours));
    expect(quote.breakdown.egress).toEqual(cny(2));
    expect(quote.totalPrice.micros).toBeCloseTo(cny(4.24 * hours + 2).micros, -1);
  });

  it("names every part it does not know, and never calls it nothing", ({ expect }) => {
    const price = { perHour: cny(2), billing: plainPrice.billing, source: "after-create" } as const;
    const { bootSeconds: _, ...offer } = sampleOffer({ price, market: "spot" });
    const job = sampleJob({
      ...sendsFiles,
      outputs: ["adapter/**"],
      resources: { diskGib: { min: 500 } },
    });
    const { breakdown } = priceOffer(job, offer, context);
    expect(breakdown.disk).toBeNull();
    expect(breakdown.publicIp).toBeNull();
    expect(breakdown.egress).toBeNull();
    expect(breakdown.upload).toBeNull();
    expect(breakdown.download).toBeNull();
    expect(breakdown.tax).toBeNull();
    expect(breakdown.expectedRework).toBeNull();
    expect(breakdown.unknown).toEqual([
      "the price, known only once rented",
      "the boot time (120 s assumed)",
      "the upload time",
      "the size of the results (expectedOutput)",
      "how often the spot machine is interrupted",
      "the disk price",
      "the price of a public address",
      "the price of sending results out",
      "whether tax comes on top",
    ]);
  });

  it("adds expected re-runs on spot, fewer with checkpoints", ({ expect }) => {
    const offer = sampleOffer({ market: "spot", interruptionsPerHour: 0.2 });
    const rework = (job: JobSpec): number =>
      priceOffer(job, offer, context).breakdown.expectedRework?.micros ?? 0;
    const checkpoint = {
      path: "ckpt",
      everyMs: 300_000,
      signal: "SIGTERM",
      graceMs: 60_000,
      store: "local",
      keep: 2,
    } as const;
    const long = { expectedTimeMs: 4 * 3_600_000 };
    expect(rework(sampleJob({ ...long, checkpoint }))).toBeGreaterThan(0);
    expect(rework(sampleJob({ ...long, checkpoint }))).toBeLessThan(rework(sampleJob(long)) / 5);
    expect(priceOffer(sampleJob(), sampleOffer(), context).breakdown.expectedRework).toEqual(
      cny(0),
    );
  });

  it("counts interruptions of every node, and boots of re-runs only where boots are billed", ({
    expect,
  }) => {
    const rework = (nodes: number, isBootBilled: boolean): number => {
      const price = { ...plainPrice, billing: { ...plainPrice.billing, isBootBilled } };
      const machine = { market: "spot", interruptionsPerHour: 0.1, bootSeconds: 600 } as const;
      const offer = sampleOffer({ ...machine, price, maxNodes: 2 });
      const quote = priceOffer(sampleJob({ resources: { nodes } }), offer, context);
      return (quote.breakdown.expectedRework?.micros ?? 0) / nodes;
    };
    expect(rework(2, true)).toBeGreaterThan(rework(1, true) * 1.9);
    expect(rework(1, true)).toBeGreaterThan(rework(1, false) * 1.2);
  });

  it("expects no more than the time limit, however often a machine is interrupted", ({
    expect,
  }) => {
    const offer = sampleOffer({ market: "spot", interruptionsPerHour: 10_000 });
    const job = sampleJob({ limits: { timeMs: 2 * 3_600_000, holdMs: 0 } });
    const { totalPrice, breakdown } = priceOffer(job, offer, context);
    expect(totalPrice.micros - breakdown.minimum.micros).toBe(cny(4).micros);
    // Five machines at most, each rounded up to a second.
    expect(breakdown.minimum.micros).toBeLessThan(cny(0.01).micros);
  });

  it("answers in the currency of the plan, and names a missing rate", ({ expect }) => {
    const offer = sampleOffer({ price: { ...plainPrice, perHour: usd(1) } });
    expect(priceOffer(sampleJob(), offer, context).totalPrice).toEqual(cny(7.12));
    expect(() => priceOffer(sampleJob(), offer, { ...context, rates: [] })).toThrow("USD");
  });

  it("is exactly the sum of its parts, for any offer and job", ({ expect }) => {
    fc.assert(
      fc.property(offers, jobs, inputs, (offer, job, input) => {
        const { totalPrice, breakdown } = priceOffer(job, offer, { ...context, ...input });
        const sum = partsOf(breakdown).reduce((total, part) => total + (part?.micros ?? 0), 0);
        expect(totalPrice).toEqual({ currency: "CNY", micros: sum });
        for (const part of partsOf(breakdown)) {
          expect(Number.isSafeInteger(part?.micros ?? 0)).toBe(true);
        }
        const unknown = partsOf(breakdown).filter((part) => part === null).length;
        expect(breakdown.unknown.length).toBeGreaterThanOrEqual(unknown);
        expect(breakdown.discount.micros).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("agrees with a meter that counts second by second, over all ways of billing", ({ expect }) => {
    for (const billing of billingModels) {
      for (const minutes of [1, 17, 60, 61, 200]) {
        const price = { ...plainPrice, perHour: cny(3.17), billing };
        const job = sampleJob({ expectedTimeMs: minutes * 60_000 });
        const quote = priceOffer(job, sampleOffer({ price, bootSeconds: 75 }), context);
        const lease = minutes * 60 + (billing.isBootBilled === false ? 0 : 75);
        const metered = meter(billing, lease, cny(3.17).micros);
        expect(Math.abs(quote.totalPrice.micros / metered - 1)).toBeLessThan(0.000_01);
      }
    }
  });
});

const billingModels: readonly BillingRule[] = [1, 60, 3600, 86_400].flatMap((unitSeconds) => [
  { unitSeconds, minimumSeconds: 0 },
  { unitSeconds, minimumSeconds: 60, isBootBilled: false },
  { unitSeconds, minimumSeconds: 3600 },
  { unitSeconds, minimumSeconds: 0, mode: "prepaid" },
]);

/** Micros taken by a platform that looks at the machine each second and takes the next unit when one is used up. */
function meter(rule: BillingRule, seconds: number, microsPerHour: number): number {
  let paidUntil = 0;
  for (let second = 0; second < Math.max(seconds, rule.minimumSeconds); second++) {
    if (second >= paidUntil) paidUntil += rule.unitSeconds;
  }
  return (paidUntil * microsPerHour) / 3600;
}

const money = fc.record({
  currency: fc.constantFrom("CNY", "USD"),
  micros: fc.integer({ min: 0, max: 500_000_000 }),
});

const offers: fc.Arbitrary<Offer> = fc
  .record(
    {
      perHour: money,
      billing: fc.record({
        unitSeconds: fc.constantFrom(1, 60, 3600, 86_400),
        minimumSeconds: fc.nat(7200),
        isBootBilled: fc.boolean(),
        mode: fc.constantFrom("metered" as const, "prepaid" as const),
      }),
      source: fc.constantFrom("live" as const, "sheet" as const),
      diskPerGibHour: money,
      publicIpPerHour: money,
      egressPerGib: money,
      discount: fc.integer({ min: 1, max: 100 }).map((part) => part / 100),
    },
    { requiredKeys: ["perHour", "billing", "source"] },
  )
  .chain((price) =>
    fc
      .record({
        market: fc.constantFrom("on-demand" as const, "spot" as const),
        bootSeconds: fc.double({ min: 0, max: 3000, noNaN: true }),
        interruptionsPerHour: fc.double({ min: 0, max: 5, noNaN: true }),
      })
      .map((rest) => sampleOffer({ ...rest, price })),
  );

const jobs: fc.Arbitrary<JobSpec> = fc
  .record({
    expectedTimeMs: fc.integer({ min: 0, max: 86_400_000 }),
    nodes: fc.integer({ min: 1, max: 16 }),
    disk: fc.nat(5000),
    sends: fc.boolean(),
  })
  .map(({ expectedTimeMs, nodes, disk, sends }) =>
    sampleJob({
      expectedTimeMs,
      resources: { nodes, diskGib: { min: disk } },
      ...(sends ? sendsFiles : {}),
    }),
  );

const inputs = fc.record(
  {
    uploadBytes: fc.nat(2 ** 31 - 1),
    outputBytes: fc.nat(2 ** 31 - 1),
    bandwidthMbps: fc.integer({ min: 1, max: 10_000 }),
  },
  { requiredKeys: [] },
);
