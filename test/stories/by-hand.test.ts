import { amendRun } from "@gpujob/engine";
import type { DriveEnd } from "@gpujob/engine";
import type { JobSpec } from "@gpujob/spec";
import { describe, it } from "vitest";
import { foldRun } from "./support/fold.ts";
import type { World, WorldOptions } from "./support/world.ts";
import { createWorld, testOffer } from "./support/world.ts";

const hourMs = 3_600_000;

/** A machine that was rented by hand: it says yes to every release and bills on. */
async function makeWorld(over: Partial<WorldOptions> = {}): Promise<World> {
  const offer = testOffer("box", "rented", 2_000_000, {
    price: {
      perHour: { currency: "CNY", micros: 2_000_000 },
      billing: { unitSeconds: 3600, minimumSeconds: 3600, mode: "prepaid" },
      source: "sheet",
    },
    byHand: { endAt: "https://console.example", renews: true },
  });
  return createWorld({
    platforms: {
      rented: {
        offers: [offer],
        capabilities: { release: "by-hand" },
        faults: [{ on: "release", do: "ignore" }],
      },
    },
    ...over,
  });
}

/** Ends too where something is asked for again and again. */
async function driveBounded(world: World): Promise<DriveEnd | "crashed"> {
  const controller = new AbortController();
  let passes = 0;
  const onPass = (): void => {
    passes += 1;
    if (passes > 300) controller.abort();
  };
  return world.drive({ signal: controller.signal, onPass });
}

describe("a run on a machine that was rented by hand", () => {
  it("gets the variables of its place under its own, and none where it wants none", async ({
    expect,
  }) => {
    const offer = testOffer("box", "rented", 2_000_000, {
      environment: { HF_ENDPOINT: "https://mirror.example", PIP_INDEX_URL: "https://pip.example" },
    });
    const environmentOf = async (job: Partial<JobSpec>): Promise<unknown> => {
      const world = await makeWorld({ platforms: { rented: { offers: [offer] } }, job });
      await world.drive();
      return world.hosts()[0]?.plans()[0]?.environment;
    };
    expect(await environmentOf({ environment: { PIP_INDEX_URL: "https://own.example" } })).toEqual({
      HF_ENDPOINT: "https://mirror.example",
      PIP_INDEX_URL: "https://own.example",
      GPUJOB_PLATFORM: "rented",
    });
    expect(await environmentOf({ mirrors: "none" })).toEqual({ GPUJOB_PLATFORM: "rented" });
  });

  it("ends with the job's own code and says that it bills on", async ({ expect }) => {
    const world = await makeWorld({ script: { exitCode: 3 } });
    expect(await world.drive()).toEqual({ kind: "settled" });
    const view = await world.view();
    expect(view).toMatchObject({ state: "failed", exitCode: 3, billing: "by-hand" });
    expect(view.cost).toEqual({ currency: "CNY", micros: 2_000_000 });
    const calls = world.platforms["rented"]?.calls.filter(({ on }) => on === "release");
    expect(calls?.length).toBeGreaterThan(0);
    expect(await world.eventTypes()).toContain("lease-given-back");
    const [lease] = await world.store.listLeases({ open: true });
    expect(lease).toMatchObject({ release: "by-hand", state: "releasing" });
    expect(JSON.parse(lease?.terms ?? "{}")).toMatchObject({
      byHand: { endAt: "https://console.example" },
    });
  });

  it("costs one hour after the other until its user vouches for the end", async ({ expect }) => {
    const world = await makeWorld();
    await world.drive();
    const settledAt = (await world.store.loadRun(world.runId))?.settledAt;
    await world.clock.advance(2.5 * hourMs);
    expect((await world.view()).cost.micros).toBe(6_000_000);
    const [lease] = await world.store.listLeases({ open: true });
    const ports = { store: world.store, clock: world.clock, owner: "me" };
    const leaseKey = lease?.leaseKey ?? "";
    expect(await amendRun(ports, world.runId, { type: "lease-vouched", leaseKey })).toBe(true);
    await world.clock.advance(9 * hourMs);
    expect(await world.view()).toMatchObject({
      state: "succeeded",
      exitCode: 0,
      billing: "ended",
      cost: { micros: 6_000_000 },
    });
    expect(await world.store.listLeases({ open: true })).toEqual([]);
    expect(await world.store.listLedger({ runId: world.runId })).toMatchObject([
      { billedSeconds: 10_800, amount: { micros: 6_000_000 } },
    ]);
    expect((await world.store.loadRun(world.runId))?.settledAt).toBe(settledAt);
    const { folded, stored } = await foldRun(world.store, world.runId);
    expect(folded).toEqual(stored);
  });

  it("is over, and in doubt about nothing, though the machine cannot be reached to be given back", async ({
    expect,
  }) => {
    const world = await makeWorld();
    world.platforms["rented"]?.clearFaults();
    for (let nth = 1; nth <= 50; nth += 1)
      world.platforms["rented"]?.addFault({ on: "release", nth, do: "error", kind: "unreachable" });
    expect(await world.drive()).toEqual({ kind: "settled" });
    expect(await world.view()).toMatchObject({ exitCode: 0, billing: "by-hand" });
    expect(await world.eventTypes()).not.toContain("release-unconfirmed");
  });

  it("is given back by the next driver, though the machine has said yes to the last one already", async ({
    expect,
  }) => {
    let isOver = false;
    const world = await makeWorld({
      script: { workMs: hourMs },
      showLease: (lease) => (isOver ? { ...lease, state: "releasing" } : lease),
    });
    const stopOnce = (name: string): void => {
      if (name === "sent:release-lease") isOver = true;
      if (name !== "after-commit:job-started") return;
      const payload = JSON.stringify({ reason: "cancelled", isNow: true });
      const at = world.clock.now();
      void world.store.addWish({ runId: world.runId, kind: "stop", payload, at });
    };
    const dying = { crashAt: "sent:release-lease", onPass: stopOnce } as const;
    expect(await world.drive(dying)).toBe("crashed");
    expect(isOver).toBe(true);
    await world.clock.sleep(100_000, { signal: new AbortController().signal });
    expect(await driveBounded(world)).toEqual({ kind: "settled" });
    expect(await world.view()).toMatchObject({ state: "cancelled", billing: "by-hand" });
    expect(world.hosts().some((host) => host.isRunning())).toBe(false);
  });

  it("learns from the machine itself that it was started anew while the job ran, and runs there again", async ({
    expect,
  }) => {
    let restarted: string | undefined;
    const world = await makeWorld({
      script: { workMs: hourMs },
      showLease: (lease) =>
        lease.leaseId === restarted && lease.state === "up"
          ? { ...lease, state: "stopped" }
          : lease,
    });
    const dying = { crashAt: "after-commit:job-started" } as const;
    expect(await world.drive(dying)).toBe("crashed");
    restarted = world.platforms["rented"]?.machines()[0]?.leaseId;
    world.hosts()[0]?.reboot();
    await world.clock.sleep(100_000, { signal: new AbortController().signal });
    expect(await driveBounded(world)).toEqual({ kind: "settled" });
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", exitCode: 0 });
    expect(view.attempts.length).toBe(2);
  });

  it("is not over before it is known whether the machine was taken, for nobody would be told of it", async ({
    expect,
  }) => {
    const world = await makeWorld();
    expect(await world.drive({ crashAt: "sent:create-lease" })).toBe("crashed");
    const payload = JSON.stringify({ reason: "cancelled", isNow: true });
    const at = world.clock.now();
    await world.store.addWish({ runId: world.runId, kind: "stop", payload, at });
    await world.clock.sleep(100_000, { signal: new AbortController().signal });
    expect(await driveBounded(world)).toEqual({ kind: "settled" });
    expect(await world.view()).toMatchObject({ state: "cancelled", billing: "by-hand" });
    const [machine] = world.platforms["rented"]?.machines() ?? [];
    const [lease] = await world.store.listLeases({ open: true });
    expect(lease).toMatchObject({ state: "releasing", leaseId: machine?.leaseId });
  });

  it("is amended by nobody while it is driven", async ({ expect }) => {
    const world = await makeWorld();
    const ports = { store: world.store, clock: world.clock, owner: "me" };
    const report = { type: "lease-vouched", leaseKey: "k".repeat(32) } as const;
    expect(await amendRun(ports, world.runId, report)).toBe(false);
  });
});

describe("a run on a machine of one's own", () => {
  it("gives the machine back before it is over", async ({ expect }) => {
    const world = await createWorld({
      platforms: {
        lab: { offers: [testOffer("own", "lab", 0)], capabilities: { release: "owned" } },
      },
    });
    expect(await world.drive()).toEqual({ kind: "settled" });
    const calls = world.platforms["lab"]?.calls.filter(({ on }) => on === "release");
    expect(calls?.length).toBeGreaterThan(0);
    expect(await world.view()).toMatchObject({ exitCode: 0, billing: "none" });
    expect(await world.store.listLeases({ open: true })).toEqual([]);
  });

  it("fetches what the job made from a machine that was started anew since it had ended", async ({
    expect,
  }) => {
    let isAnew = false;
    const world = await createWorld({
      platforms: {
        lab: { offers: [testOffer("own", "lab", 0)], capabilities: { release: "owned" } },
      },
      outputBytes: 5,
      showLease: (lease) =>
        isAnew ? { ...lease, state: "ended", reason: "the host was started anew" } : lease,
    });
    expect(await world.drive({ crashAt: "after-commit:job-exited" })).toBe("crashed");
    isAnew = true;
    world.hosts()[0]?.reboot();
    await world.clock.sleep(100_000, { signal: new AbortController().signal });
    expect(await world.drive()).toEqual({ kind: "settled" });
    const types = await world.eventTypes();
    expect(types).toContain("outputs-collected");
    expect(types).not.toContain("collect-failed");
    expect(await world.view()).toMatchObject({ state: "succeeded", exitCode: 0 });
  });
});
