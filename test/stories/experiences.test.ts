import type { Experience } from "@gpujob/spec";
import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";
import type { World, WorldOptions } from "./support/world.ts";

/** What a world's runs learnt of their places, by offer and without what changes from run to run. */
async function learnt(world: World): Promise<readonly Partial<Experience>[]> {
  const rows = await world.store.listExperiences({ since: 0, limit: 100 });
  return rows
    .toSorted((one, other) => (one.instanceType < other.instanceType ? -1 : 1))
    .map(({ leaseKey: _key, at: _at, heldMs: _held, ...rest }) => rest);
}

const place = { platform: "one", market: "on-demand" } as const;

function twoOffers(
  more: Partial<WorldOptions["platforms"][string]> = {},
): WorldOptions["platforms"] {
  return {
    one: {
      bootMs: 40_000,
      offers: [
        testOffer("a", "one", 1_000_000, { instanceType: "a", market: "on-demand" }),
        testOffer("b", "one", 1_100_000, { instanceType: "b", market: "on-demand" }),
      ],
      ...more,
    },
  };
}

describe("what a run learns of the places where it rents", () => {
  it("is that the machine came, how long it booted, and that it stayed", async ({ expect }) => {
    const world = await createWorld({ platforms: twoOffers() });
    await world.drive();
    const [only, ...others] = await learnt(world);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ ...place, instanceType: "a", isCreated: true, end: "served" });
    expect(only?.bootMs).toBeGreaterThanOrEqual(40_000);
    const [kept] = await world.store.listExperiences({ since: 0, limit: 1 });
    expect(kept?.heldMs).toBeGreaterThan(60_000);
  });

  it("is that an offer was not to be had, and nothing of the account's own failures", async ({
    expect,
  }) => {
    const dry = await createWorld({ platforms: twoOffers() });
    dry.platforms["one"]?.addFault({ on: "create", nth: 1, do: "error", kind: "no_capacity" });
    await dry.drive();
    expect(await learnt(dry)).toMatchObject([
      { ...place, instanceType: "a", isCreated: false },
      { ...place, instanceType: "b", isCreated: true, end: "served" },
    ]);
    const poor = await createWorld({ platforms: twoOffers() });
    poor.platforms["one"]?.addFault({
      on: "create",
      nth: 1,
      do: "error",
      kind: "insufficient_funds",
    });
    await poor.drive();
    expect(await learnt(poor)).toEqual([]);
  });

  it("is that a machine was taken away, but not that a job failed", async ({ expect }) => {
    const lost = await createWorld({ platforms: twoOffers(), script: { workMs: 300_000 } });
    lost.platforms["one"]?.addFault({ on: "lease", nth: 1, do: "die", afterMs: 120_000 });
    await lost.drive();
    expect(await learnt(lost)).toMatchObject([
      { isCreated: true, end: "interrupted" },
      { isCreated: true, end: "served" },
    ]);
    const bad = await createWorld({ platforms: twoOffers(), script: { exitCode: 3 } });
    await bad.drive();
    expect(await learnt(bad)).toMatchObject([{ isCreated: true, end: "served" }]);
  });

  it("is how fast downloads and disk were, where the machine was measured", async ({ expect }) => {
    const world = await createWorld({
      platforms: twoOffers(),
      job: { probe: "quick" },
      script: {
        probeOf: () => ({
          cards: [],
          downloads: [
            { name: "a", mbps: 80 },
            { name: "b", mbps: 400 },
          ],
          diskReadMBps: 1048.576,
          unmeasured: [],
        }),
      },
    });
    await world.drive();
    expect(await learnt(world)).toMatchObject([{ downloadMbps: 400, diskMibPerSecond: 1000 }]);
  });

  it("is which run left its files on a machine of the user's own, where it is that machine", async ({
    expect,
  }) => {
    const ownHost = async (instanceType: string): Promise<readonly Partial<Experience>[]> => {
      const world = await createWorld({
        platforms: {
          one: {
            offers: [testOffer("a", "one", 0, { instanceType })],
            capabilities: { release: "owned", powerOff: "none" },
          },
        },
      });
      await world.drive();
      return learnt(world);
    };
    // The simulated machines are named by their platform.
    expect(await ownHost("one")).toMatchObject([{ end: "served", leftBy: "r-story1" }]);
    expect((await ownHost("pool"))[0]).not.toHaveProperty("leftBy");
  });
});
