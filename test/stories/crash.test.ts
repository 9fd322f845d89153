import { describe, it } from "vitest";
import { foldRun } from "./support/fold.ts";
import { createWorld, testOffer } from "./support/world.ts";
import type { World } from "./support/world.ts";

const checkpoint = {
  path: "ckpt",
  everyMs: 5000,
  signal: "SIGTERM",
  graceMs: 4000,
  store: "local",
  keep: 2,
} as const;

/** Every place at which a driver can be killed, as its own runs name them. */
async function findCrashPoints(): Promise<readonly string[]> {
  const passed = new Set<string>();
  const world = await makeWorld("token");
  await world.drive({ onPass: (name) => passed.add(name) });
  return [...passed];
}

async function makeWorld(idempotency: "token" | "name" | "none"): Promise<World> {
  return createWorld({
    platforms: {
      one: {
        offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)],
        bootMs: 3000,
        capabilities: { idempotency },
      },
    },
    job: { checkpoint },
  });
}

describe("a driver that is killed", () => {
  it("is followed by one that finishes the run, with one machine and one start, wherever it died", async ({
    expect,
  }) => {
    const points = await findCrashPoints();
    expect(points.length).toBeGreaterThan(20);
    for (const idempotency of ["token", "name"] as const) {
      for (const crashAt of points) {
        const world = await makeWorld(idempotency);
        const first = await world.drive({ crashAt });
        expect([first, crashAt]).toEqual(["crashed", crashAt]);
        await world.clock.sleep(100_000, { signal: new AbortController().signal });
        expect([await world.drive(), crashAt]).toEqual([{ kind: "settled" }, crashAt]);
        const view = await world.view();
        const starts = world.hosts().reduce((sum, host) => sum + host.starts(), 0);
        const machines = world.platforms["one"]?.machines() ?? [];
        expect([view.state, starts, machines.length, crashAt]).toEqual([
          "succeeded",
          1,
          1,
          crashAt,
        ]);
        expect(machines.every((machine) => !machine.isBillable)).toBe(true);
        const micros = (world.platforms["one"]?.bills() ?? []).reduce(
          (sum, bill) => sum + bill.amount.micros,
          0,
        );
        expect([view.cost.micros, crashAt]).toEqual([micros, crashAt]);
        const { folded, stored } = await foldRun(world.store, world.runId);
        expect(folded).toEqual(stored);
      }
    }
  });
});
