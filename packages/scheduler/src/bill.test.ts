import type { OfferPrice } from "@gpujob/spec";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { billCompute, chargeLease, extraDiskGib, priceOffer, spendingPerHour } from "./index.ts";
import { cny, context, plainPrice, sampleJob, sampleOffer } from "./testing/samples.ts";

const same = <T>(value: T): T => value;

describe("chargeLease", () => {
  it("counts everything that has a price, each by itself, and tax on all of it", ({ expect }) => {
    const price: OfferPrice = {
      ...plainPrice,
      perHour: cny(2),
      billing: { unitSeconds: 3600, minimumSeconds: 0 },
      discount: 0.9,
      ownRate: { name: "member", factor: 0.95 },
      surcharges: [{ name: "NVLink", perHour: cny(1) }],
      diskPerGibHour: cny(0.001),
      publicIpPerHour: cny(0.02),
      egressPerGib: cny(0.8),
      taxRate: 0.06,
    };
    const charges = chargeLease(price, { seconds: 1800, extraDiskGib: 100, egressGib: 5 }, same);
    expect(charges.map(({ kind, amount }) => [kind, amount.micros / 1e6])).toEqual([
      ["compute", 1.71],
      ["surcharge", 1],
      ["disk", 0.05],
      ["public-ip", 0.01],
      ["egress", 4],
      ["tax", 0.4062],
    ]);
  });

  it("takes the own rate off a list price, not off what the platform told this account", ({
    expect,
  }) => {
    const price: OfferPrice = { ...plainPrice, ownRate: { name: "member", factor: 0.5 } };
    expect(billCompute(price, 3600)).toEqual(cny(1));
    expect(billCompute(price, 3600, cny(3))).toEqual(cny(1.5));
    expect(billCompute({ ...price, source: "after-create" }, 3600)).toEqual(cny(1));
    expect(billCompute({ ...price, source: "after-create" }, 3600, cny(3))).toEqual(cny(3));
  });

  it("says how fast money is spent, with all that runs by the hour", ({ expect }) => {
    const price: OfferPrice = {
      ...plainPrice,
      surcharges: [{ name: "bandwidth", perHour: cny(0.5) }],
      diskPerGibHour: cny(0.001),
      taxRate: 0.1,
    };
    expect(spendingPerHour(price, { extraDiskGib: 500 }, same)).toBeCloseTo(3.3e6, 0);
  });

  it("comes to the estimate when a run takes as long as was expected", ({ expect }) => {
    const prices: fc.Arbitrary<OfferPrice> = fc.record({
      perHour: fc
        .integer({ min: 100_000, max: 90_000_000 })
        .map((micros) => ({ currency: "CNY", micros })),
      billing: fc.record({
        unitSeconds: fc.constantFrom(1, 60, 3600, 86_400),
        minimumSeconds: fc.nat(7200),
        isBootBilled: fc.boolean(),
      }),
      discount: fc.constantFrom(1, 0.95, 0.88),
      ownRate: fc.constantFrom({ name: "member", factor: 0.95 }, { name: "student", factor: 0.9 }),
      surcharges: fc.array(fc.record({ name: fc.constant("x"), perHour: fc.constant(cny(0.7)) }), {
        maxLength: 2,
      }),
      diskPerGibHour: fc.constant(cny(0.0011)),
      publicIpPerHour: fc.constant(cny(0.013)),
      egressPerGib: fc.constantFrom(cny(0), cny(0.8)),
      taxRate: fc.constantFrom(0, 0.06, 0.13),
      source: fc.constant("live" as const),
    });
    fc.assert(
      fc.property(
        prices,
        fc.integer({ min: 60, max: 90_000 }),
        fc.integer({ min: 1, max: 8 }),
        (price, work, nodes) => {
          const job = sampleJob({
            expectedTimeMs: work * 1000,
            expectedOutputGib: 2,
            resources: { nodes, diskGib: { min: 200 } },
          });
          const offer = sampleOffer({ price, bootSeconds: 90 });
          const { totalPrice } = priceOffer(job, offer, context);
          // Two GiB at 100 Mbit/s.
          const seconds = work + 172 + (price.billing.isBootBilled === false ? 0 : 90);
          const use = { seconds, extraDiskGib: extraDiskGib(job, offer), egressGib: 2 };
          const one = chargeLease(price, use, same);
          const ledger = one.reduce((sum, { amount }) => sum + amount.micros, 0) * nodes;
          // Each of seven charges may be half a micro off on each node.
          expect(Math.abs(totalPrice.micros - ledger)).toBeLessThanOrEqual(4 * nodes + 4);
        },
      ),
    );
  });
});
