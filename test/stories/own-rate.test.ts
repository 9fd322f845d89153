import { describe, it } from "vitest";
import { createWorld, testJob, testOffer } from "./support/world.ts";

/** 2 CNY/h by the list, of which this account pays half. */
function atHalf(): ReturnType<typeof testOffer> {
  const offer = testOffer("a", "p", 2_000_000);
  return { ...offer, price: { ...offer.price, ownRate: { name: "member", factor: 0.5 } } };
}

describe("a machine at the account's own rate", () => {
  it("is held to limits.price by what is paid, although the platform tells its list price", async ({
    expect,
  }) => {
    const { limits } = testJob();
    const world = await createWorld({
      platforms: { p: { offers: [atHalf()] } },
      job: { limits: { ...limits, pricePerHour: { currency: "CNY", micros: 1_100_000 } } },
    });
    await world.drive();
    expect(await world.view()).toMatchObject({ state: "succeeded", attempts: [{ offerId: "a" }] });
  });

  it("costs in the ledger what the plan says", async ({ expect }) => {
    const world = await createWorld({
      platforms: { p: { offers: [atHalf()] } },
      script: { workMs: 3_600_000 },
    });
    await world.drive();
    const { cost } = await world.view();
    expect(cost.micros).toBeGreaterThanOrEqual(1_000_000);
    expect(cost.micros).toBeLessThan(1_100_000);
  });
});
