import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";
import type { World, WorldOptions } from "./support/world.ts";

/** A market whose first machine boots later by `byMs` than the 40 s that all of its kind take. */
async function slowMarket(
  byMs: number,
  more: {
    readonly bootSeconds?: number;
    readonly unitSeconds?: number;
    readonly job?: WorldOptions["job"];
  } = {},
): Promise<World> {
  const { unitSeconds = 1, bootSeconds } = more;
  const offer = (id: string, micros: number): ReturnType<typeof testOffer> =>
    testOffer(id, "one", micros, {
      instanceType: "4090",
      ...(bootSeconds === undefined ? {} : { bootSeconds }),
      price: {
        perHour: { currency: "CNY", micros },
        billing: { unitSeconds, minimumSeconds: 0 },
        source: "live",
      },
    });
  const world = await createWorld({
    platforms: {
      one: { bootMs: 40_000, offers: [offer("a", 1_000_000), offer("b", 1_100_000)] },
    },
    ...(more.job === undefined ? {} : { job: more.job }),
  });
  world.platforms["one"]?.addFault({ on: "lease", nth: 1, do: "slow-boot", byMs });
  return world;
}

/** Every machine is gone, the job began once, and the run costs what the platform bills. */
async function readEnd(world: World): Promise<{
  readonly starts: number;
  readonly isAllOver: boolean;
  readonly isCostTrue: boolean;
  readonly offers: readonly string[];
}> {
  const view = await world.view();
  const bills = world.platforms["one"]?.bills() ?? [];
  return {
    starts: world.hosts().reduce((sum, host) => sum + host.starts(), 0),
    isAllOver: bills.every((bill) => bill.endedAt !== undefined),
    isCostTrue: view.cost.micros === bills.reduce((sum, { amount }) => sum + amount.micros, 0),
    offers: view.attempts.map(({ offerId }) => offerId),
  };
}

const fine = { starts: 1, isAllOver: true, isCostTrue: true };

describe("a machine that boots longer than usual", () => {
  it("gets a second one beside it, and the one that is ready first does the job", async ({
    expect,
  }) => {
    const world = await slowMarket(400_000, { bootSeconds: 40 });
    await world.drive();
    const view = await world.view();
    expect(view.state).toBe("succeeded");
    expect(await readEnd(world)).toEqual({ ...fine, offers: ["a", "b"] });
    const [slow, extra] = view.attempts;
    expect(slow?.reason).toBe("Attempt 2, begun later, was ready sooner.");
    expect(extra).toMatchObject({ isExtra: true });
    // What the wait for both of them cost is seen, and small.
    expect(slow?.cost?.micros).toBeGreaterThan(0);
    expect(slow?.cost?.micros).toBeLessThan(100_000);
  });

  it("does the job itself when it is ready before the second one, which is given back", async ({
    expect,
  }) => {
    const world = await slowMarket(60_000, { bootSeconds: 40 });
    await world.drive();
    expect(await readEnd(world)).toEqual({ ...fine, offers: ["a", "b"] });
    expect((await world.view()).attempts[1]?.reason).toBe("The first machine was ready sooner.");
  });

  it("is measured by what machines of its kind took before, as far as that is known", async ({
    expect,
  }) => {
    const known = await slowMarket(60_000, { bootSeconds: 40 });
    const of = { platform: "one", instanceType: "4090" };
    for (const [index, bootMs] of [90_000, 95_000, 130_000].entries()) {
      const at = known.clock.now() - 1000 + index;
      const leaseKey = `earlier-${index}`;
      await known.store.putExperience({ ...of, leaseKey, market: "on-demand", at, bootMs });
    }
    await known.drive();
    expect(await readEnd(known)).toEqual({ ...fine, offers: ["a"] });
    const noted = await known.store.listExperiences({ since: 0, limit: 10, of });
    expect(noted).toHaveLength(4);
    expect(noted[0]?.bootMs).toBeGreaterThanOrEqual(100_000);
    const unknown = await slowMarket(400_000);
    await unknown.drive();
    expect(await readEnd(unknown)).toEqual({ ...fine, offers: ["a"] });
  });

  it("gets none where that would cost much, or more than the budget leaves", async ({ expect }) => {
    const hourly = await slowMarket(400_000, { bootSeconds: 40, unitSeconds: 3600 });
    await hourly.drive();
    expect(await readEnd(hourly)).toEqual({ ...fine, offers: ["a"] });
    const budget = { currency: "CNY", micros: 250_000 };
    const limits = { timeMs: 86_400_000, holdMs: 1000, budget };
    const poor = await slowMarket(400_000, { bootSeconds: 40, job: { limits } });
    await poor.drive();
    expect((await readEnd(poor)).offers).toEqual(["a"]);
  });
});
