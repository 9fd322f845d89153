import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";
import type { World } from "./support/world.ts";

const never = (): AbortSignal => new AbortController().signal;

async function makeWorld(): Promise<World> {
  return createWorld({
    platforms: {
      one: { offers: [testOffer("a", "one", 1_000_000)], bootMs: 5000, releaseMs: 2000 },
    },
    script: { workMs: 600_000 },
  });
}

async function stop(world: World, payload: object): Promise<void> {
  await world.store.addWish({
    runId: world.runId,
    kind: "stop",
    payload: JSON.stringify(payload),
    at: world.clock.now(),
  });
}

describe("stopping a run", () => {
  it("ends it, with nothing left that bills, whenever the word comes", async ({ expect }) => {
    for (const isNow of [false, true]) {
      for (const afterMs of [0, 1, 500, 4000, 5300, 6000, 8000, 60_000]) {
        const world = await makeWorld();
        const driven = world.drive();
        await world.clock.sleep(afterMs, { signal: never() });
        await stop(world, { reason: "cancelled", isNow });
        await driven;
        const view = await world.view();
        expect([view.state, view.exitCode, afterMs]).toEqual(["cancelled", 130, afterMs]);
        const machines = world.platforms["one"]?.machines() ?? [];
        expect(machines.every((machine) => machine.state === "ended")).toBe(true);
        expect(["none", "ended"]).toContain(view.billing);
      }
    }
  });

  it("passes 143 on when the process was asked to end", async ({ expect }) => {
    const world = await makeWorld();
    const driven = world.drive();
    await world.clock.sleep(20_000, { signal: never() });
    await stop(world, { reason: "terminated" });
    await driven;
    expect(await world.view()).toMatchObject({ state: "cancelled", exitCode: 143 });
  });

  it("says that a release is not confirmed, and goes on until it is", async ({ expect }) => {
    const world = await makeWorld();
    world.platforms["one"]?.addFault({ on: "release", do: "ignore" });
    const driven = world.drive();
    await world.clock.sleep(20_000, { signal: never() });
    await stop(world, {});
    await world.clock.sleep(200_000, { signal: never() });
    expect(await world.view()).toMatchObject({
      state: "release-unconfirmed",
      exitCode: 123,
      billing: "unconfirmed",
    });
    world.platforms["one"]?.clearFaults();
    await driven;
    expect(await world.view()).toMatchObject({
      state: "cancelled",
      exitCode: 130,
      billing: "ended",
    });
  });
});
