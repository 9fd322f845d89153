import { readStored } from "@gpujob/engine";
import type { RunEvent } from "@gpujob/engine";
import type { HostProbe, JobSpec } from "@gpujob/spec";
import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";
import type { World } from "./support/world.ts";

/** A probe of one card that reaches so much, evenly. */
function reach(tflops: number, more: Partial<HostProbe> = {}): HostProbe {
  const windowTflops = Array.from({ length: 10 }, (_, at) => tflops * (1 + (at % 2) / 500));
  const card = { index: 0, windowTflops, memoryGBps: 920, slowedBy: [] };
  return { method: "torch", cards: [card], downloads: [], unmeasured: [], ...more };
}

/** Offers of one platform, of which the first machine reaches `rates[0]`, the second `rates[1]`, … */
function market(
  probes: readonly HostProbe[],
  job: Partial<JobSpec> = { probe: "quick" },
): Promise<World> {
  return createWorld({
    platforms: {
      one: {
        bootMs: 20_000,
        offers: ["a", "b", "c"].map((id, at) => testOffer(id, "one", 1_000_000 + at * 10_000)),
      },
    },
    job,
    script: { probeOf: (machine) => probes[machine - 1] ?? reach(160) },
  });
}

async function eventsOf<Type extends RunEvent["type"]>(
  world: World,
  type: Type,
): Promise<readonly (RunEvent & { readonly type: Type })[]> {
  return (await world.store.listEvents(world.runId))
    .filter((row) => row.type === type)
    .map((row) => readStored<RunEvent & { readonly type: Type }>(row.data));
}

describe("a run with probe: quick", () => {
  it("measures the machine before anything is sent, keeps a good one and says what it does", async ({
    expect,
  }) => {
    const world = await market([reach(160)]);
    await world.drive();
    expect(await world.view()).toMatchObject({ state: "succeeded" });
    const [ready] = await eventsOf(world, "node-ready");
    expect(ready?.warnings).toContain("Measured: matrices 160 TFLOPS ± 0.1 %, memory 920 GB/s.");
    expect(ready?.probe?.cards).toHaveLength(1);
    expect(await world.eventTypes()).not.toContain("node-failed");
  });

  it("gives a machine back that is far from its card's peak, avoids it for later runs, and takes the next", async ({
    expect,
  }) => {
    const world = await market([reach(40), reach(160)]);
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded" });
    expect(view.attempts.map(({ offerId }) => offerId)).toEqual(["a", "b"]);
    expect(view.attempts[0]?.reason).toContain(
      "one: the machine does not do what was sold: the matrix rate of card 0 is 40 % of what is usual (60 % of the published peak).",
    );
    const avoided = await world.store.listExclusions(world.clock.now());
    expect(avoided.map(({ scopeKey }) => scopeKey).join()).toContain("a");
    const starts = world.hosts().map((host) => host.starts());
    expect(starts).toEqual([0, 1]);
    expect(world.platforms["one"]?.bills().every(({ endedAt }) => endedAt !== undefined)).toBe(
      true,
    );
  });

  it("holds it against the median of own machines once there are three", async ({ expect }) => {
    const world = await market([reach(145), reach(160)]);
    const own = [158, 160, 162].map((tflops, at) => ({ machineId: `old-${at}`, at: 0, tflops }));
    await world.store.putValue("probe/nvidia/RTX4090//24", JSON.stringify(own));
    await world.drive();
    const view = await world.view();
    expect(view.attempts.map(({ offerId }) => offerId)).toEqual(["a", "b"]);
    expect(view.attempts[0]?.reason).toContain("the median of 3 machines seen before");
    const kept = readStored<readonly { tflops: number }[]>(
      (await world.store.readValue("probe/nvidia/RTX4090//24")) ?? "[]",
    );
    // The bad one is in it too: a median is of all.
    expect(kept.map(({ tflops }) => Math.round(tflops))).toEqual([158, 160, 162, 145, 160]);
  });

  it("says what could not be measured, and holds it against nobody", async ({ expect }) => {
    const blind = { ...reach(0), cards: [], unmeasured: ["matrix rate: no Python 3"] };
    const world = await market([blind]);
    await world.drive();
    const [ready] = await eventsOf(world, "node-ready");
    expect(ready?.warnings.join(" ")).toContain("Not measured: matrix rate: no Python 3.");
    const without = await createWorld({
      platforms: { one: { offers: [testOffer("a", "one", 1_000_000)] } },
      job: { probe: "quick" },
    });
    await without.drive();
    const [other] = await eventsOf(without, "node-ready");
    expect(other?.warnings.join(" ")).toContain("Not measured: machines of this kind cannot be.");
  });

  it("keeps of two that hedge asked the first that does what was sold", async ({ expect }) => {
    const job = { probe: "quick", hedge: 2 } as const;
    const world = await market([reach(40), reach(160)], job);
    await world.drive();
    const view = await world.view();
    expect(view.state).toBe("succeeded");
    expect(world.hosts().reduce((sum, host) => sum + host.starts(), 0)).toBe(1);
    expect(view.attempts[0]?.reason).toContain("does not do what was sold");
  });

  it("measures again after its driver has died, and rents nothing twice", async ({ expect }) => {
    const world = await market([reach(160)]);
    expect(await world.drive({ crashAt: "before:await-node@1" })).toBe("crashed");
    await world.clock.sleep(100_000, { signal: new AbortController().signal });
    await world.drive({ owner: "second" });
    expect((await world.view()).state).toBe("succeeded");
    expect(world.platforms["one"]?.machines()).toHaveLength(1);
  });

  it("is not done where the job does not ask for it", async ({ expect }) => {
    const world = await market([reach(40)], {});
    await world.drive();
    expect((await world.view()).attempts.map(({ offerId }) => offerId)).toEqual(["a"]);
  });
});
