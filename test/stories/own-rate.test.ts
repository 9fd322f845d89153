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

describe("the ledger", () => {
  it("counts address, surcharge, traffic and tax by the rules of the estimate", async ({
    expect,
  }) => {
    const offer = testOffer("a", "p", 2_000_000);
    const money = (amount: number) => ({ currency: "CNY", micros: amount * 1e6 });
    const price = {
      ...offer.price,
      publicIpPerHour: money(0.1),
      egressPerGib: money(0.5),
      surcharges: [{ name: "NVLink", perHour: money(1) }],
      taxRate: 0.1,
    };
    const world = await createWorld({
      platforms: { p: { offers: [{ ...offer, price }] } },
      script: { workMs: 3_600_000 },
      outputBytes: 4 * 2 ** 30,
    });
    await world.drive();
    const rows = await world.store.listLedger({ runId: world.runId });
    const sums = new Map(rows.map(({ kind, amount }) => [kind, amount.micros / 1e6]));
    expect([...sums.keys()].toSorted()).toEqual([
      "compute",
      "egress",
      "public-ip",
      "surcharge",
      "tax",
    ]);
    expect(sums.get("egress")).toBe(2);
    expect(sums.get("surcharge")).toBeCloseTo(1, 1);
    const net = [...sums].reduce((sum, [kind, amount]) => (kind === "tax" ? sum : sum + amount), 0);
    expect(sums.get("tax")).toBeCloseTo(net * 0.1, 5);
    const { cost } = await world.view();
    expect(cost.micros / 1e6).toBeCloseTo(net * 1.1, 5);
  });
});
