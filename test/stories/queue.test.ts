import type { JobSpec } from "@gpujob/spec";
import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";
import type { World } from "./support/world.ts";

const hour = 3_600_000;

/** Two platforms without stock; with `stockAfterMs` one of them gets some then. */
async function emptyMarket(
  options: { readonly job?: Partial<JobSpec>; readonly stockAfterMs?: number } = {},
): Promise<World> {
  const world = await createWorld({
    platforms: {
      one: { offers: [testOffer("a", "one", 1_000_000, { availability: "none" })] },
      two: { offers: [testOffer("b", "two", 3_000_000, { availability: "none" })] },
    },
    job: { queueMs: 6 * hour, ...options.job },
  });
  const { stockAfterMs } = options;
  if (stockAfterMs !== undefined) {
    const signal = new AbortController().signal;
    void world.clock
      .sleep(stockAfterMs, { signal })
      .then(() => world.platforms["two"]?.setOffer("b", { availability: 1 }));
  }
  return world;
}

async function wish(world: World): Promise<void> {
  const stop = { kind: "stop", payload: JSON.stringify({ reason: "cancelled", isNow: false }) };
  await world.store.addWish({ runId: world.runId, at: world.clock.now(), ...stop });
}

describe("a run that waits for stock", () => {
  it("starts on the first machine that appears, and pays nothing before", async ({ expect }) => {
    const world = await emptyMarket({ stockAfterMs: 2 * hour });
    const states: string[] = [];
    await world.drive({
      onPass: () =>
        void world.view().then(({ state, reason }) => states.push(`${state} ${reason}`)),
    });
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", platform: "two" });
    expect(states.find((state) => state.startsWith("queued"))).toMatch(
      /^queued Waits for stock since .*Z, until .*Z at most\.$/,
    );
    const bills = world.platforms["two"]?.bills() ?? [];
    expect(bills).toHaveLength(1);
    expect(view.cost.micros).toBeLessThan(200_000);
  });

  it("takes nothing above the limit, whatever appears", async ({ expect }) => {
    const pricePerHour = { currency: "CNY", micros: 2_000_000 };
    const limits = { timeMs: 24 * hour, holdMs: hour, pricePerHour };
    const world = await emptyMarket({ stockAfterMs: hour, job: { limits } });
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "failed", attempts: [] });
    expect(view.reason).toContain("Waited 6h for stock in vain.");
    expect(view.exitCode).toBe(114);
  });

  it("ends with its own words and code when the time is over", async ({ expect }) => {
    const world = await emptyMarket({ job: { queueMs: hour } });
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "failed", exitCode: 114, billing: "none" });
    expect(view.reason).toContain("Waited 1h for stock in vain.");
    expect(view.failure?.hint).toBeDefined();
  });

  it("waits on after its driver has died, until the same moment", async ({ expect }) => {
    const world = await emptyMarket({ stockAfterMs: 3 * hour });
    expect(await world.drive({ crashAt: "before:plan@9" })).toBe("crashed");
    expect((await world.view()).state).toBe("queued");
    await world.clock.sleep(hour, { signal: new AbortController().signal });
    await world.drive({ owner: "second" });
    expect(await world.view()).toMatchObject({ state: "succeeded", platform: "two" });
    const late = await emptyMarket({ job: { queueMs: hour } });
    expect(await late.drive({ crashAt: "before:plan@9" })).toBe("crashed");
    await late.clock.sleep(2 * hour, { signal: new AbortController().signal });
    const at = late.clock.now();
    await late.drive({ owner: "second" });
    expect((await late.view()).state).toBe("failed");
    expect(late.clock.now() - at).toBeLessThan(60_000);
  });

  it("ends at once when it is stopped", async ({ expect }) => {
    const world = await emptyMarket({ stockAfterMs: 5 * hour });
    const begun = world.clock.now();
    let passes = 0;
    await world.drive({
      onPass(name) {
        if (name.startsWith("before:plan") && (passes += 1) === 5) void wish(world);
      },
    });
    expect(await world.view()).toMatchObject({ state: "cancelled", exitCode: 130, attempts: [] });
    expect(world.clock.now() - begun).toBeLessThan(hour);
  });

  it("tries what was just sold out again after a minute, not after ten", async ({ expect }) => {
    const world = await emptyMarket();
    world.platforms["one"]?.setOffer("a", { availability: 1 });
    world.platforms["one"]?.addFault({ on: "create", nth: 1, do: "error", kind: "no_capacity" });
    const begun = world.clock.now();
    await world.drive();
    expect(await world.view()).toMatchObject({ state: "succeeded", platform: "one" });
    expect(world.clock.now() - begun).toBeLessThan(300_000);
  });
});
