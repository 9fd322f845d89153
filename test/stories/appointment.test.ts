import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";

/** Where the simulated clock of a story begins. */
const begin = (world: { readonly clock: { readonly now: () => number } }): number =>
  world.clock.now();

const iso = (ms: number): string => new Date(ms).toISOString();
const hourMs = 3_600_000;

async function inHours(hours: { readonly start?: number; readonly deadline?: number }) {
  // A world to read its clock from: it stands still until somebody drives.
  const now = begin(await createWorld({ platforms: {} }));
  return {
    now,
    job: {
      ...(hours.start === undefined ? {} : { startAt: iso(now + hours.start * hourMs) }),
      ...(hours.deadline === undefined ? {} : { deadline: iso(now + hours.deadline * hourMs) }),
    },
  };
}

const platforms = { p: { offers: [testOffer("a", "p", 2_000_000)] } };

describe("a run with startAt", () => {
  it("is queued, asks nobody and costs nothing until then, and is then done", async ({
    expect,
  }) => {
    const { now, job } = await inHours({ start: 6 });
    const world = await createWorld({ platforms, job });
    expect(await world.view()).toMatchObject({ state: "queued", billing: "none" });
    expect((await world.view()).reason).toBe(
      `Starts at ${iso(now + 6 * hourMs)
        .slice(0, 16)
        .replace("T", " ")}Z (in 6h).`,
    );
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", exitCode: 0 });
    expect(Date.parse(view.attempts[0]?.startedAt ?? "")).toBeGreaterThanOrEqual(now + 6 * hourMs);
    expect(Date.parse(view.attempts[0]?.startedAt ?? "")).toBeLessThan(now + 6 * hourMs + 60_000);
    const events = await world.eventTypes();
    expect(events.indexOf("plan-made")).toBeGreaterThan(events.indexOf("timer-fired"));
  });

  it("waits on with another driver when the first one dies meanwhile", async ({ expect }) => {
    const { now, job } = await inHours({ start: 6 });
    const world = await createWorld({ platforms, job });
    const dead = new AbortController();
    const first = world.drive({ signal: dead.signal, owner: "first" });
    await world.clock.sleep(hourMs, { signal: new AbortController().signal });
    dead.abort();
    await first;
    expect(await world.view()).toMatchObject({ state: "queued" });
    await world.drive({ owner: "second" });
    const view = await world.view();
    expect(view.state).toBe("succeeded");
    expect(Date.parse(view.attempts[0]?.startedAt ?? "")).toBeGreaterThanOrEqual(now + 6 * hourMs);
  });

  it("is cancelled while it waits, and nothing was rented", async ({ expect }) => {
    const { job } = await inHours({ start: 6 });
    const world = await createWorld({ platforms, job });
    const stop = { kind: "stop", payload: JSON.stringify({ reason: "cancelled" }) };
    await world.store.addWish({ runId: world.runId, at: world.clock.now(), ...stop });
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "cancelled", exitCode: 130, attempts: [] });
    expect(world.platforms["p"]?.machines()).toEqual([]);
  });
});

describe("a run with a deadline", () => {
  it("is stopped like by its time limit when the deadline comes, and says which it was", async ({
    expect,
  }) => {
    const { now, job } = await inHours({ deadline: 2 });
    const world = await createWorld({
      platforms,
      job: { ...job, expectedTimeMs: hourMs },
      script: { workMs: 10 * hourMs },
    });
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "failed", exitCode: 118, billing: "ended" });
    expect(view.reason).toContain("The deadline of ");
    const machine = world.platforms["p"]?.machines()[0];
    expect(Date.parse(machine?.endedAt ?? "")).toBeLessThan(now + 2 * hourMs + 10 * 60_000);
  });

  it("ends before anything is rented where nothing could be done in time", async ({ expect }) => {
    const { job } = await inHours({ deadline: 2 });
    const world = await createWorld({
      platforms,
      job: { ...job, expectedTimeMs: 3 * hourMs, queueMs: 24 * hourMs },
    });
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "failed", exitCode: 114, attempts: [] });
    expect(view.reason).toContain("after the deadline");
  });
});
