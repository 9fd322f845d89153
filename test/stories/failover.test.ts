import { describe, it } from "vitest";
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

/** Waits, on the world's own clock, until something holds. */
async function until(world: World, holds: () => boolean): Promise<void> {
  for (let tick = 0; tick < 100_000 && !holds(); tick += 1) {
    await world.clock.sleep(250, { signal: new AbortController().signal });
  }
  if (!holds()) throw new Error("it never came true");
}

const one = (world: World): NonNullable<World["platforms"][string]> => {
  const platform = world.platforms["one"];
  if (platform === undefined) throw new Error("no platform one");
  return platform;
};

const owned = { release: "owned", idempotency: "name" } as const;

describe("failover", () => {
  it("resumes elsewhere after an interruption with notice, from what the job saved", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
      },
      job: { checkpoint },
    });
    const driven = world.drive();
    await until(world, () => world.hosts().some((host) => host.isRunning()));
    one(world).interrupt(one(world).machines()[0]?.leaseId ?? "", { noticeMs: 10_000 });
    await driven;
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", billing: "ended" });
    expect(view.attempts.map((each) => each.offerId)).toEqual(["a", "b"]);
    expect(
      one(world)
        .bills()
        .every((bill) => bill.endedAt !== undefined),
    ).toBe(true);
    const micros = one(world)
      .bills()
      .reduce((sum, bill) => sum + bill.amount.micros, 0);
    expect(view.cost.micros).toBe(micros);
  });

  it("fetches what was saved as soon as it hears that the machine will be taken, and says what that was", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
      },
      script: { isDeaf: true },
      job: { checkpoint: { ...checkpoint, everyMs: 600_000, graceMs: 60_000 } },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    one(world).interrupt(one(world).machines()[0]?.leaseId ?? "", { noticeMs: 12_000 });
    await driven;
    const types = await world.eventTypes();
    // Before the job ends, for it may take all the time that there is; and again when it has ended.
    const heard = types.indexOf("interruption-noticed");
    const ended = types.indexOf("job-exited");
    expect(types.slice(heard, ended)).toContain("checkpoint-saved");
    expect(types.slice(ended, types.indexOf("lease-released"))).toContain("checkpoint-saved");
    const [first, second] = (await world.view()).attempts;
    expect(first?.saved).toMatchObject({ files: 1, bytes: 1 });
    expect(first?.reason).toMatch(/Saved: its checkpoint of 20\S+Z \(1 file, /);
    expect(second?.isResumed).toBe(true);
  });

  it("warns once, and for as long as it is so, that checkpoints change faster than they can be copied", async ({
    expect,
  }) => {
    let isRestless = true;
    const world = await createWorld({
      platforms: { one: { offers: [testOffer("a", "one", 1_000_000)] } },
      job: { checkpoint: { ...checkpoint, everyMs: 2000 } },
      isRestless: () => isRestless,
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    const [note] = (await world.view()).notes ?? [];
    expect(note).toMatch(
      /^No checkpoint could be saved since 20\S+Z: ckpt\/model \(it is written anew\)/,
    );
    expect((await world.eventTypes()).filter((type) => type === "checkpoint-missed")).toHaveLength(
      1,
    );
    isRestless = false;
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 30_000);
    expect((await world.view()).notes).toBeUndefined();
    await driven;
  });

  it("says that an attempt resumed although the checkpoint came home only after it was prepared", async ({
    expect,
  }) => {
    for (const crashAt of [undefined, "sent:start-job@2"]) {
      const world = await createWorld({
        platforms: {
          one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
        },
        job: { checkpoint: { ...checkpoint, everyMs: 600_000 } },
      });
      const driven = world.drive(crashAt === undefined ? {} : { crashAt });
      await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
      one(world).interrupt(one(world).machines()[0]?.leaseId ?? "", { noticeMs: 20_000 });
      if ((await driven) === "crashed") {
        await world.clock.sleep(100_000, { signal: new AbortController().signal });
        await world.drive();
      }
      const view = await world.view();
      expect(view.state).toBe("succeeded");
      expect(view.attempts.map(({ isResumed }) => isResumed)).toEqual([false, true]);
    }
  });

  it("resumes elsewhere after a machine dies without a word", async ({ expect }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
      },
      job: { checkpoint },
    });
    const driven = world.drive();
    await until(
      world,
      () =>
        world.hosts()[0]?.progress().doneMs !== undefined &&
        (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000,
    );
    one(world).end(one(world).machines()[0]?.leaseId ?? "");
    await driven;
    expect(await world.view()).toMatchObject({ state: "succeeded", billing: "ended" });
    const types = await world.eventTypes();
    expect(types.filter((type) => type === "job-started")).toHaveLength(2);
  });

  it("waits for the tether of a silent host of one's own before the job runs elsewhere", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 0), testOffer("b", "one", 1)], capabilities: owned },
      },
      job: { checkpoint },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    const cutAt = world.clock.monotonic();
    world.hosts()[0]?.setReachable(false);
    await until(world, () => world.hosts()[1]?.isRunning() === true);
    const goneOnMs = world.clock.monotonic() - cutAt;
    expect(world.hosts()[0]?.isRunning()).toBe(false);
    expect(goneOnMs).toBeGreaterThanOrEqual(8000);
    expect(goneOnMs).toBeLessThanOrEqual(15_000);
    await driven;
    expect(await world.view()).toMatchObject({ state: "succeeded", billing: "none" });
  });

  it("asks again within seconds when a platform did not answer while a replacement was looked for", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 0)], capabilities: owned },
        two: { offers: [testOffer("b", "two", 1)], capabilities: owned },
      },
      job: { checkpoint },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    const cutAt = world.clock.monotonic();
    // The verdict comes after 7 s, the proof after 10 s; the platform answers again after both.
    world.platforms["two"]?.faultNext({ on: "offers", do: "error", kind: "unavailable", times: 3 });
    world.hosts()[0]?.setReachable(false);
    await until(world, () => world.hosts()[1]?.isRunning() === true);
    expect(world.clock.monotonic() - cutAt).toBeLessThanOrEqual(30_000);
    await driven;
    expect(await world.view()).toMatchObject({ state: "succeeded" });
  });

  it("asks again while the first machine is silent, until another one is free", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: {
          offers: [testOffer("a", "one", 1), testOffer("b", "one", 2, { availability: "none" })],
        },
      },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    world.hosts()[0]?.setReachable(false);
    await world.clock.sleep(60_000, { signal: new AbortController().signal });
    expect(one(world).machines()).toHaveLength(1);
    one(world).setOffer("b", { availability: "high" });
    const freeAt = world.clock.monotonic();
    await until(world, () => one(world).machines().length === 2);
    expect(world.clock.monotonic() - freeAt).toBeLessThanOrEqual(35_000);
    await driven;
    expect(await world.view()).toMatchObject({ state: "succeeded" });
  });

  it("gives up looking for a replacement when the platform never answers, and says so", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: { one: { offers: [testOffer("a", "one", 1)] }, two: { offers: [] } },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    world.platforms["two"]?.faultNext({
      on: "offers",
      do: "error",
      kind: "unavailable",
      times: 1000,
    });
    one(world).end(one(world).machines()[0]?.leaseId ?? "");
    await driven;
    const view = await world.view();
    expect(view).toMatchObject({ state: "failed", exitCode: 115 });
    expect(view.reason).toContain("No other offer is left");
  });

  it("goes on on the same host of one's own once that was started anew", async ({ expect }) => {
    const world = await createWorld({
      platforms: { one: { offers: [testOffer("a", "one", 0)], capabilities: owned } },
      job: { checkpoint },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    world.hosts()[0]?.reboot();
    await driven;
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded" });
    expect(view.attempts.map(({ offerId }) => offerId)).toEqual(["a", "a"]);
  });

  it("takes a clone that answers in the place of a silent host for no proof of a reboot", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 0), testOffer("b", "one", 1)], capabilities: owned },
      },
      job: { checkpoint },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    world.hosts()[0]?.becomeOther();
    await until(world, () => world.hosts()[1]?.isRunning() === true);
    expect(world.hosts()[0]?.isRunning()).toBe(false);
    await driven;
    expect(await world.view()).toMatchObject({ state: "succeeded" });
    expect(await world.eventTypes()).not.toContain("host-lost");
  });

  it.for([
    { xid: 79, attempts: 2 },
    { xid: 48, attempts: 2 },
    { xid: 13, attempts: 1 },
    { xid: 31, attempts: 1 },
  ])(
    "tells a card that failed (Xid 79, 48) from a program that failed on it: $xid",
    async ({ xid, attempts }, { expect }) => {
      const world = await createWorld({
        platforms: { one: { offers: [testOffer("a", "one", 0), testOffer("b", "one", 1)] } },
        script: { exitCode: 1, xid },
      });
      await world.drive();
      const view = await world.view();
      expect(view.state).toBe("failed");
      expect(view.attempts.map(({ offerId }) => offerId)).toEqual(["a", "b"].slice(0, attempts));
      expect(view.attempts[0]?.reason).toMatch(attempts === 2 ? /card.*Xid/ : /exit code 1/);
    },
  );

  it("lets the first machine go on when its link comes back in time, and gives the extra one back", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
      },
    });
    const driven = world.drive();
    await until(world, () => (world.hosts()[0]?.progress().doneMs ?? 0) > 20_000);
    world.hosts()[0]?.setReachable(false);
    await until(world, () => one(world).machines().length === 2);
    world.hosts()[0]?.setReachable(true);
    await driven;
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", billing: "ended" });
    expect(world.hosts().reduce((sum, host) => sum + host.starts(), 0)).toBe(1);
    expect(
      one(world)
        .bills()
        .every((bill) => bill.endedAt !== undefined),
    ).toBe(true);
  });

  it("makes one machine when the answer to the create is lost", async ({ expect }) => {
    for (const idempotency of ["token", "name", "none"] as const) {
      const world = await createWorld({
        platforms: {
          one: { offers: [testOffer("a", "one", 1_000_000)], capabilities: { idempotency } },
        },
      });
      one(world).faultNext({ on: "create", do: "lose-reply" });
      await world.drive();
      expect(await world.view()).toMatchObject({ state: "succeeded" });
      expect(one(world).machines()).toHaveLength(1);
    }
  });

  it("ends with the job's own code, and does not try a failing job again unasked", async ({
    expect,
  }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
      },
      script: { exitCode: 7, workMs: 3000 },
    });
    await world.drive();
    expect(await world.view()).toMatchObject({ state: "failed", exitCode: 7, billing: "ended" });
    expect(one(world).machines()).toHaveLength(1);
  });

  it("stops at the budget, with what the job saved, and releases", async ({ expect }) => {
    const world = await createWorld({
      platforms: { one: { offers: [testOffer("a", "one", 36_000_000)] } },
      script: { workMs: 3_600_000 },
      job: {
        checkpoint,
        limits: {
          timeMs: 86_400_000,
          holdMs: 1000,
          budget: { currency: "CNY", micros: 10_000_000 },
        },
      },
    });
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "failed", exitCode: 117, billing: "ended" });
    expect(view.cost.micros).toBeLessThanOrEqual(10_000_000);
    expect(view.cost.micros).toBeGreaterThan(8_000_000);
  });
});
