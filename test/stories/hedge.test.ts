import type { JobSpec } from "@gpujob/spec";
import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";
import type { World } from "./support/world.ts";

/** Two platforms, of which the dearer one boots sooner by `firstMs - secondMs`. */
function twoPlatforms(
  options: {
    readonly firstMs?: number;
    readonly secondMs?: number;
    readonly secondMicros?: number;
    readonly unitSeconds?: number;
    readonly job?: Partial<JobSpec>;
  } = {},
): Promise<World> {
  const {
    firstMs = 90_000,
    secondMs = 20_000,
    secondMicros = 1_100_000,
    unitSeconds = 1,
  } = options;
  const billing = { unitSeconds, minimumSeconds: 0 };
  const offer = (id: string, platform: string, micros: number): ReturnType<typeof testOffer> =>
    testOffer(id, platform, micros, {
      price: { perHour: { currency: "CNY", micros }, billing, source: "live" },
    });
  return createWorld({
    platforms: {
      one: {
        bootMs: firstMs,
        offers: [offer("a", "one", 1_000_000), offer("b", "one", 1_050_000)],
      },
      two: { bootMs: secondMs, offers: [offer("c", "two", secondMicros)] },
    },
    job: { hedge: 2, ...options.job },
  });
}

/** How it ended: the job began once, every machine is gone, and the run costs what the platforms bill. */
async function readEnd(world: World): Promise<{
  readonly state: string;
  readonly starts: number;
  readonly isAllOver: boolean;
  readonly isCostTrue: boolean;
  readonly offers: readonly string[];
}> {
  const view = await world.view();
  const bills = Object.values(world.platforms).flatMap((platform) => platform.bills());
  return {
    state: view.state,
    starts: world.hosts().reduce((sum, host) => sum + host.starts(), 0),
    isAllOver: bills.every((bill) => bill.endedAt !== undefined),
    isCostTrue: view.cost.micros === bills.reduce((sum, { amount }) => sum + amount.micros, 0),
    offers: view.attempts.map(({ offerId }) => offerId),
  };
}

const fine = { state: "succeeded", starts: 1, isAllOver: true, isCostTrue: true };

describe("a run with hedge: 2", () => {
  it("asks two platforms at once, keeps the machine that boots first and gives the other back", async ({
    expect,
  }) => {
    const world = await twoPlatforms();
    await world.drive();
    expect(await readEnd(world)).toEqual({ ...fine, offers: ["a", "c"] });
    const [first, second] = (await world.view()).attempts;
    expect(first).toMatchObject({
      isHedge: true,
      reason: "Attempt 2, begun later, was ready sooner.",
    });
    expect(second).toMatchObject({ isHedge: true, isExtra: true });
    // Twenty seconds of the one that was given back, and what its release took.
    expect(first?.cost?.micros).toBeGreaterThan(0);
    expect(first?.cost?.micros).toBeLessThan(20_000);
  });

  it("keeps the first where that one boots first", async ({ expect }) => {
    const world = await twoPlatforms({ firstMs: 10_000 });
    await world.drive();
    expect(await readEnd(world)).toEqual({ ...fine, offers: ["a", "c"] });
    expect((await world.view()).attempts[1]?.reason).toBe("The first machine was ready sooner.");
  });

  it("asks another in the place of one that is refused, so that two stay asked", async ({
    expect,
  }) => {
    for (const [refused, offers] of [
      ["one", ["a", "c", "b"]],
      ["two", ["a", "c", "b"]],
    ] as const) {
      const world = await twoPlatforms();
      const fault = { on: "create", nth: 1, do: "error", kind: "no_capacity" } as const;
      world.platforms[refused]?.addFault(fault);
      await world.drive();
      expect([refused, await readEnd(world)]).toEqual([refused, { ...fine, offers }]);
    }
  });

  it("goes on with the other one when the order of the first has no answer", async ({ expect }) => {
    for (const fault of [{ do: "lose-reply" }, { do: "delay", byMs: 200_000 }] as const) {
      const world = await twoPlatforms();
      world.platforms["one"]?.addFault({ on: "create", nth: 1, ...fault });
      await world.drive();
      expect([fault, await readEnd(world)]).toEqual([fault, { ...fine, offers: ["a", "c"] }]);
    }
  });

  it("goes on with the other one when one of the two never boots", async ({ expect }) => {
    for (const platform of ["one", "two"]) {
      for (const how of ["fail-boot", "never-boot"] as const) {
        const world = await twoPlatforms();
        world.platforms[platform]?.addFault({ on: "lease", nth: 1, do: how });
        await world.drive();
        const end = await readEnd(world);
        expect([platform, how, end]).toEqual([platform, how, { ...fine, offers: end.offers }]);
        expect(end.offers.slice(0, 2)).toEqual(["a", "c"]);
      }
    }
  });

  it("asks no second one that would be paid in long pieces, is much dearer, or eats the budget", async ({
    expect,
  }) => {
    const hourly = await twoPlatforms({ unitSeconds: 3600 });
    await hourly.drive();
    expect(await readEnd(hourly)).toEqual({ ...fine, offers: ["a"] });
    const dear = await twoPlatforms({ secondMicros: 3_000_000 });
    await dear.drive();
    // Of the same platform then.
    expect(await readEnd(dear)).toEqual({ ...fine, offers: ["a", "b"] });
    const budget = { currency: "CNY", micros: 250_000 };
    const poor = await twoPlatforms({
      job: { limits: { timeMs: 86_400_000, holdMs: 1000, budget } },
    });
    await poor.drive();
    expect(await readEnd(poor)).toEqual({ ...fine, offers: ["a"] });
  });

  it("leaks nothing and runs once, wherever its driver dies while two are asked", async ({
    expect,
  }) => {
    const passes: string[] = [];
    const whole = await twoPlatforms();
    await whole.drive({ onPass: (name) => passes.push(name) });
    const counts = new Map<string, number>();
    const points = passes.map((name) => {
      const nth = (counts.get(name) ?? 0) + 1;
      counts.set(name, nth);
      return `${name}@${nth}`;
    });
    expect(points.length).toBeGreaterThan(20);
    for (const crashAt of points) {
      const world = await twoPlatforms();
      expect([crashAt, await world.drive({ crashAt })]).toEqual([crashAt, "crashed"]);
      await world.clock.sleep(100_000, { signal: new AbortController().signal });
      await world.drive({ owner: "second" });
      const end = await readEnd(world);
      expect([crashAt, end]).toEqual([crashAt, { ...fine, offers: end.offers }]);
    }
  });

  it("gives both back when it is stopped while they boot", async ({ expect }) => {
    const world = await twoPlatforms();
    const stop = { kind: "stop", payload: JSON.stringify({ reason: "cancelled", isNow: false }) };
    await world.store.addWish({ runId: world.runId, at: world.clock.now(), ...stop });
    await world.drive();
    const end = await readEnd(world);
    expect(end).toEqual({ ...fine, state: "cancelled", starts: 0, offers: end.offers });
  });
});
