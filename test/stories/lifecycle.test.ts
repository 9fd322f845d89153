import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";

describe("a run", () => {
  it("rents the cheapest machine, runs, and releases it with proof", async ({ expect }) => {
    const world = await createWorld({
      platforms: {
        one: {
          offers: [testOffer("dear", "one", 2_000_000), testOffer("cheap", "one", 1_000_000)],
          bootMs: 5000,
        },
      },
    });
    expect(await world.drive()).toEqual({ kind: "settled" });
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", exitCode: 0, billing: "ended" });
    expect(view.attempts.map((each) => each.offerId)).toEqual(["cheap"]);
    const [bill] = world.platforms["one"]?.bills() ?? [];
    expect(bill?.endedAt).toBeDefined();
    expect(view.cost.micros).toBe(bill?.amount.micros);
  });

  it("takes the next offer when the first has no stock", async ({ expect }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
      },
    });
    world.platforms["one"]?.failNext("create", "no_capacity");
    await world.drive();
    const view = await world.view();
    expect(view.attempts.map((each) => each.offerId)).toEqual(["a", "b"]);
    expect(view.exitCode).toBe(0);
  });
});
