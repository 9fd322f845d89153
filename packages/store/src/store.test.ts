import { it as base } from "vitest";
import { GpujobError } from "@gpujob/spec";
import type { Experience } from "@gpujob/spec";
import { effectsAfter, openStore, StaleEpochError } from "./index.ts";
import type { LockRow, NewEffect, Store } from "./index.ts";
import {
  realClock,
  sampleCharge,
  sampleCommit,
  sampleEffect,
  sampleLease,
  sampleRun,
} from "./testing/samples.ts";

const it = base.extend<{ store: Store }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  store: async ({}, use) => {
    const store = await openStore({
      path: ":memory:",
      clock: { ...realClock, now: () => 1_000_000 },
      newId: () => "store-1",
    });
    await use(store);
    await store.close();
  },
});

async function lockOf(store: Store, runId: string, owner = "driver-1"): Promise<LockRow> {
  const lock = await store.takeLock(runId, owner, 1000, 5000);
  if (lock === undefined) throw new Error(`${runId} is locked`);
  return lock;
}

it("gives back a run as it was submitted", async ({ expect, store }) => {
  const run = sampleRun("r-aaa", { labels: { team: "nlp" } });
  expect(await store.createRun(run)).toEqual({ runId: "r-aaa", isNew: true });
  const { effects, ...rest } = run;
  expect(effects).toEqual([]);
  expect(await store.loadRun("r-aaa")).toEqual({ ...rest, seq: 0 });
  expect(await store.loadRun("r-zzz")).toBeUndefined();
});

it("answers a repeated idempotency key with the run that exists, and refuses another content", async ({
  expect,
  store,
}) => {
  const idempotency = { key: "ci-7", contentHash: "h1" };
  await store.createRun(sampleRun("r-aaa", { idempotency }));
  const again = await store.createRun(
    sampleRun("r-bbb", { idempotency, effects: [sampleEffect("plan")] }),
  );
  expect(again).toEqual({ runId: "r-aaa", isNew: false });
  expect(await store.listEffects("r-bbb")).toEqual([]);
  const other = store.createRun(
    sampleRun("r-ccc", { idempotency: { key: "ci-7", contentHash: "h2" } }),
  );
  await expect(other).rejects.toMatchObject({ failure: { kind: "usage" } });
  await expect(other).rejects.toThrow(/ci-7.*r-aaa/);
});

it("refuses a second run of the same id", async ({ expect, store }) => {
  await store.createRun(sampleRun("r-aaa"));
  await expect(store.createRun(sampleRun("r-aaa"))).rejects.toMatchObject({
    failure: { kind: "store" },
  });
});

it("lists runs newest first, only active ones, and those going on since a moment", async ({
  expect,
  store,
}) => {
  for (const [index, id] of ["r-old", "r-mid", "r-new"].entries()) {
    await store.createRun(sampleRun(id, { createdAt: 1000 + index * 1000 }));
  }
  const { epoch } = await lockOf(store, "r-old");
  await store.commit(
    sampleCommit("r-old", { epoch, expectedSeq: 0, state: "succeeded", settledAt: 1500 }),
  );
  const ids = async (filter: Parameters<Store["listRuns"]>[0]): Promise<string[]> =>
    (await store.listRuns(filter)).map(({ runId }) => runId);
  expect(await ids({})).toEqual(["r-new", "r-mid", "r-old"]);
  expect(await ids({ limit: 1 })).toEqual(["r-new"]);
  expect(await ids({ active: true })).toEqual(["r-new", "r-mid"]);
  expect(await ids({ since: 1500 })).toEqual(["r-new", "r-mid", "r-old"]);
  expect(await ids({ since: 1501 })).toEqual(["r-new", "r-mid"]);
});

it("finds runs by id, prefix or name, with no wildcards in what the user types", async ({
  expect,
  store,
}) => {
  await store.createRun(sampleRun("r-ab1", { name: "train", createdAt: 1 }));
  await store.createRun(sampleRun("r-ab2", { name: "train", createdAt: 2 }));
  await store.createRun(sampleRun("r-ab", { name: "eval", createdAt: 3 }));
  const ids = async (reference: string): Promise<string[]> =>
    (await store.findRuns(reference)).map(({ runId }) => runId);
  expect(await ids("r-ab")).toEqual(["r-ab"]);
  expect(await ids("r-a")).toEqual(["r-ab", "r-ab2", "r-ab1"]);
  expect(await ids("train")).toEqual(["r-ab2", "r-ab1"]);
  expect(await ids("r%")).toEqual([]);
  expect(await ids("")).toEqual([]);
});

it("writes event, snapshot, effects, leases, ledger and wishes of a step together", async ({
  expect,
  store,
}) => {
  await store.createRun(sampleRun("r-aaa", { effects: [sampleEffect("plan")] }));
  await store.addWish({ runId: "r-aaa", kind: "stop", payload: "{}", at: 1500 });
  const [wish] = await store.listWishes("r-aaa");
  const [plan] = await store.listEffects("r-aaa");
  const { epoch } = await lockOf(store, "r-aaa");
  const answer = await store.commit(
    sampleCommit("r-aaa", {
      epoch,
      expectedSeq: 0,
      addEffects: [sampleEffect("create-lease:1:0")],
      finishEffects: [plan?.effectId ?? ""],
      leases: [sampleLease("r-aaa", "key-1", { state: "intended" })],
      ledger: [sampleCharge("r-aaa")],
      consumeWishes: [wish?.wishId ?? 0],
    }),
  );
  expect(answer).toMatchObject({ seq: 1, added: [{ key: "create-lease:1:0", tries: 0 }] });
  expect(await store.loadRun("r-aaa")).toMatchObject({ seq: 1, state: "acquiring" });
  expect(await store.listEvents("r-aaa")).toEqual([
    { runId: "r-aaa", seq: 1, at: 2000, type: "offers-listed", data: `{"offers":[]}` },
  ]);
  expect(await store.listEvents("r-aaa", 1)).toEqual([]);
  expect((await store.listEffects("r-aaa")).map(({ key }) => key)).toEqual(["create-lease:1:0"]);
  expect(await store.listLeases({ runId: "r-aaa" })).toEqual([
    sampleLease("r-aaa", "key-1", { state: "intended" }),
  ]);
  expect(await store.listLedger({ runId: "r-aaa" })).toEqual([sampleCharge("r-aaa")]);
  expect(await store.listWishes("r-aaa")).toEqual([]);
});

it("writes nothing of a step that another event overtook", async ({ expect, store }) => {
  await store.createRun(sampleRun("r-aaa"));
  const { epoch } = await lockOf(store, "r-aaa");
  await store.commit(sampleCommit("r-aaa", { epoch, expectedSeq: 0 }));
  const late = store.commit(
    sampleCommit("r-aaa", { epoch, expectedSeq: 0, leases: [sampleLease("r-aaa", "key-9")] }),
  );
  await expect(late).rejects.toThrow(/is at event 1, not 0/);
  expect(await store.listLeases({})).toEqual([]);
  expect(await store.listEvents("r-aaa")).toHaveLength(1);
});

it("writes nothing of a step that fails in its middle", async ({ expect, store }) => {
  await store.createRun(sampleRun("r-aaa"));
  const { epoch } = await lockOf(store, "r-aaa");
  const twice = Number.NaN;
  const broken = store.commit(
    sampleCommit("r-aaa", {
      epoch,
      expectedSeq: 0,
      addEffects: [sampleEffect("plan")],
      leases: [sampleLease("r-aaa", "key-1", { intendedAt: twice })],
    }),
  );
  await expect(broken).rejects.toMatchObject({ failure: { kind: "store" } });
  expect(await store.loadRun("r-aaa")).toMatchObject({ seq: 0, state: "planning" });
  expect(await store.listEffects("r-aaa")).toEqual([]);
});

it("says so when the run of a step does not exist", async ({ expect, store }) => {
  await lockOf(store, "r-none");
  const orphan = store.commit(sampleCommit("r-none", { epoch: 1, expectedSeq: 0 }));
  await expect(orphan).rejects.toMatchObject({ failure: { kind: "not_found" } });
});

it("replaces an effect of the same key, cancels by prefix, and only then adds", async ({
  expect,
  store,
}) => {
  const names = ["timer:boot", "timer:budget", "timer_x", "upload:1"];
  await store.createRun(sampleRun("r-aaa", { effects: names.map((name) => sampleEffect(name)) }));
  const before = await store.listEffects("r-aaa");
  const { epoch } = await lockOf(store, "r-aaa");
  await store.commit(
    sampleCommit("r-aaa", {
      epoch,
      expectedSeq: 0,
      cancelEffects: ["timer:*"],
      addEffects: [sampleEffect("timer:boot", { dueAt: 9 }), sampleEffect("upload:1")],
    }),
  );
  const after = await store.listEffects("r-aaa");
  expect(after.map(({ key }) => key)).toEqual(["timer_x", "timer:boot", "upload:1"]);
  expect(after[1]).toMatchObject({ dueAt: 9, tries: 0 });
  const old = before.find(({ key }) => key === "upload:1");
  expect(await store.beginEffect(old?.effectId ?? "", epoch, 1)).toBe(false);
  await store.commit(sampleCommit("r-aaa", { epoch, expectedSeq: 1, cancelEffects: ["timer_x"] }));
  expect(await store.listEffects("r-aaa")).toHaveLength(2);
});

it("tells of a step all that is needed to know the unfinished effects without asking", async ({
  expect,
  store,
}) => {
  const named = (...names: string[]): NewEffect[] => names.map((name) => sampleEffect(name));
  await store.createRun(sampleRun("r-aaa", { effects: named("plan", "timer:a", "timer:b") }));
  const { epoch } = await lockOf(store, "r-aaa");
  let known = await store.listEffects("r-aaa");
  const changes = [
    () => ({ addEffects: named("plan", "watch:1", "watch:2") }),
    () => ({ finishEffects: [known[0]?.effectId ?? ""], addEffects: named("timer:b") }),
    () => ({ cancelEffects: ["watch:*", "plan"], addEffects: named("watch:1", "stop", "watch:1") }),
    () => ({ cancelEffects: ["watch", "none*"], finishEffects: ["r-aaa/9/9"] }),
    () => ({ cancelEffects: ["*"], addEffects: named("last") }),
  ];
  for (const [expectedSeq, change] of changes.entries()) {
    const step = sampleCommit("r-aaa", { epoch, expectedSeq, ...change() });
    known = effectsAfter(known, step, (await store.commit(step)).added);
    expect(known).toEqual(await store.listEffects("r-aaa"));
  }
  expect(known.map(({ key }) => key)).toEqual(["last"]);
});

it("counts each try of an effect and refuses one by a stale driver", async ({ expect, store }) => {
  await store.createRun(sampleRun("r-aaa", { effects: [sampleEffect("plan")] }));
  const lock = await lockOf(store, "r-aaa");
  const id = (await store.listEffects("r-aaa"))[0]?.effectId ?? "";
  expect(await store.beginEffect(id, lock.epoch, 1)).toBe(true);
  expect(await store.beginEffect(id, lock.epoch, 2)).toBe(true);
  expect((await store.listEffects("r-aaa"))[0]?.tries).toBe(2);
  expect(await store.beginEffect(id, lock.epoch + 1, 3)).toBe(false);
  await store.releaseLock(lock);
  expect(await store.beginEffect(id, lock.epoch, 4)).toBe(false);
});

it("gives the lock to one owner at a time and raises the epoch with each new one", async ({
  expect,
  store,
}) => {
  const mine = await store.takeLock("r-aaa", "a", 1000, 0);
  expect(mine).toEqual({ runId: "r-aaa", owner: "a", expiresAt: 1000, epoch: 1 });
  expect(await store.takeLock("r-aaa", "b", 1000, 999)).toBeUndefined();
  expect(await store.takeLock("r-aaa", "a", 1000, 500)).toMatchObject({
    epoch: 1,
    expiresAt: 1500,
  });
  expect(await store.takeLock("r-aaa", "b", 1000, 1500)).toMatchObject({ owner: "b", epoch: 2 });
  if (mine === undefined) return;
  expect(await store.renewLock(mine, 1000, 1600)).toBeUndefined();
  await store.releaseLock(mine);
  expect(await store.readLock("r-aaa")).toMatchObject({ owner: "b", epoch: 2 });
});

it("raises the epoch after a release, even for the same owner", async ({ expect, store }) => {
  const lock = await lockOf(store, "r-aaa");
  await store.releaseLock(lock);
  expect(await store.readLock("r-aaa")).toBeUndefined();
  expect(await lockOf(store, "r-aaa")).toMatchObject({ epoch: lock.epoch + 1 });
});

it("lets the owner of an expired lock go on while nobody else came", async ({ expect, store }) => {
  await store.createRun(sampleRun("r-aaa"));
  const lock = await lockOf(store, "r-aaa");
  expect(await store.renewLock(lock, 1000, lock.expiresAt + 60_000)).toMatchObject({
    epoch: lock.epoch,
    expiresAt: lock.expiresAt + 61_000,
  });
});

it("refuses the commit of a driver that lost, released or never had the lock", async ({
  expect,
  store,
}) => {
  await store.createRun(sampleRun("r-aaa"));
  const step = (epoch: number): Promise<unknown> =>
    store.commit(sampleCommit("r-aaa", { epoch, expectedSeq: 0 }));
  await expect(step(0)).rejects.toThrow(StaleEpochError);
  const lock = await lockOf(store, "r-aaa");
  await store.takeLock("r-aaa", "driver-2", 1000, lock.expiresAt);
  await expect(step(lock.epoch)).rejects.toThrow(StaleEpochError);
  const second = await store.readLock("r-aaa");
  if (second !== undefined) await store.releaseLock(second);
  await expect(step(2)).rejects.toThrow(StaleEpochError);
  expect(await store.loadRun("r-aaa")).toMatchObject({ seq: 0 });
});

it("lifts the epoch above a newer host's and frees the lock, but never lowers it", async ({
  expect,
  store,
}) => {
  const lock = await lockOf(store, "r-aaa");
  await store.raiseEpoch("r-aaa", 7);
  expect(await store.readLock("r-aaa")).toBeUndefined();
  expect(await store.renewLock(lock, 1000, 5000)).toBeUndefined();
  expect((await lockOf(store, "r-aaa")).epoch).toBe(9);
  await store.raiseEpoch("r-aaa", 3);
  expect(await store.readLock("r-aaa")).toMatchObject({ epoch: 9 });
  await store.raiseEpoch("r-new", 4);
  expect((await lockOf(store, "r-new")).epoch).toBe(6);
});

it("writes a charge once per lease, kind and start", async ({ expect, store }) => {
  await store.createRun(sampleRun("r-aaa"));
  const { epoch } = await lockOf(store, "r-aaa");
  const ledger = [
    sampleCharge("r-aaa"),
    sampleCharge("r-aaa", { amount: { currency: "CNY", micros: 9 } }),
    sampleCharge("r-aaa", { kind: "disk" }),
  ];
  await store.commit(sampleCommit("r-aaa", { epoch, expectedSeq: 0, ledger }));
  await store.commit(sampleCommit("r-aaa", { epoch, expectedSeq: 1, ledger }));
  expect(await store.listLedger({})).toEqual([ledger[0], ledger[2]]);
  expect(await store.listLedger({ since: 601_001 })).toEqual([]);
  expect(await store.listLedger({ since: 601_000 })).toHaveLength(2);
});

it("tells open leases, closed ones and those under watch apart", async ({ expect, store }) => {
  await store.putLease(sampleLease("r-aaa", "k1"));
  await store.putLease(sampleLease("r-aaa", "k2", { state: "gone", intendedAt: 1001 }));
  await store.putLease(
    sampleLease("r-bbb", "k3", { state: "never", intendedAt: 1002, watchUntil: 5000 }),
  );
  const keys = async (filter: Parameters<Store["listLeases"]>[0]): Promise<string[]> =>
    (await store.listLeases(filter)).map(({ leaseKey }) => leaseKey);
  expect(await keys({})).toEqual(["k1", "k2", "k3"]);
  expect(await keys({ open: true })).toEqual(["k1"]);
  expect(await keys({ open: false, runId: "r-aaa" })).toEqual(["k2"]);
  expect(await keys({ watchedAt: 4999 })).toEqual(["k3"]);
  expect(await keys({ watchedAt: 5000 })).toEqual([]);
  const full = sampleLease("r-aaa", "k1", {
    state: "gone",
    leaseId: "m-1",
    createdAt: 1,
    billedFrom: 2,
    billedTo: 3,
    watchUntil: 4,
    proof: "{}",
  });
  await store.putLease(full);
  expect(await store.listLeases({ runId: "r-aaa", open: false })).toContainEqual(full);
});

it("prunes settled runs whole, and keeps what may still bill", async ({ expect, store }) => {
  for (const [runId, lease] of [
    ["r-done", sampleLease("r-done", "k1", { state: "gone" })],
    ["r-open", sampleLease("r-open", "k2", { state: "releasing" })],
    ["r-seen", sampleLease("r-seen", "k3", { state: "never", watchUntil: 2_000_000 })],
  ] as const) {
    await store.createRun(sampleRun(runId, { effects: [sampleEffect("plan")] }));
    const { epoch } = await lockOf(store, runId);
    await store.commit(
      sampleCommit(runId, {
        epoch,
        expectedSeq: 0,
        state: "failed",
        settledAt: 3000,
        leases: [lease],
        ledger: [sampleCharge(runId, { leaseKey: lease.leaseKey })],
      }),
    );
  }
  await store.createRun(sampleRun("r-live"));
  expect(await store.prune(3000)).toEqual({ runs: 0 });
  expect(await store.prune(3001)).toEqual({ runs: 1 });
  expect(await store.loadRun("r-done")).toBeUndefined();
  expect(await store.listEvents("r-done")).toEqual([]);
  expect(await store.listEffects("r-done")).toEqual([]);
  expect(await store.listLedger({ runId: "r-done" })).toEqual([]);
  expect((await store.listLeases({})).map(({ leaseKey }) => leaseKey)).toEqual(["k2", "k3"]);
  expect((await store.listRuns({})).map(({ runId }) => runId).toSorted()).toEqual([
    "r-live",
    "r-open",
    "r-seen",
  ]);
});

it("keeps the longer of two exclusions, until it is over", async ({ expect, store }) => {
  await store.putExclusion({ scopeKey: "cheap/a", reason: "no stock", until: 5000 });
  await store.putExclusion({ scopeKey: "cheap/a", reason: "rate limited", until: 3000 });
  const known = { scopeKey: "cheap/a", reason: "no stock", until: 5000 };
  expect(await store.listExclusions(4999)).toEqual([known]);
  expect(await store.listExclusions(5000)).toEqual([]);
  await store.dropExclusion("cheap/a");
  expect(await store.listExclusions(4999)).toEqual([]);
});

it("keeps pins and named values, the latest word or the first as asked", async ({
  expect,
  store,
}) => {
  await store.putPin({ scope: "k1", fingerprint: "SHA256:a", at: 1 });
  await store.putPin({ scope: "k1", fingerprint: "SHA256:b", at: 2 });
  expect(await store.readPin("k1")).toEqual({ scope: "k1", fingerprint: "SHA256:b", at: 2 });
  expect(await store.readPin("k2")).toBeUndefined();
  expect(await store.ensureValue("installation", "x")).toBe("x");
  expect(await store.ensureValue("installation", "y")).toBe("x");
  await store.putValue("installation", "z");
  expect(await store.readValue("installation")).toBe("z");
  expect(await store.readValue("other")).toBeUndefined();
});

it("refuses to work after it is closed, and may be closed twice", async ({ expect, store }) => {
  await store.close();
  await store.close();
  await expect(store.loadRun("r-aaa")).rejects.toThrow(GpujobError);
});

function sampleExperience(leaseKey: string, changes: Partial<Experience> = {}): Experience {
  return {
    leaseKey,
    platform: "cheap",
    instanceType: "4090",
    market: "on-demand",
    at: 1000,
    isCreated: true,
    ...changes,
  };
}

it("keeps what a lease told of its place with the step that told it, the later word of two", async ({
  expect,
  store,
}) => {
  await store.createRun(sampleRun("r-aaa"));
  const lock = await store.takeLock("r-aaa", "me", 1000, 0);
  const epoch = lock?.epoch ?? 0;
  const first = sampleExperience("key-1");
  await store.commit(sampleCommit("r-aaa", { epoch, expectedSeq: 0, experiences: [first] }));
  const later = { ...first, bootMs: 40_000, end: "served" as const };
  const other = sampleExperience("key-2", { at: 2000, instanceType: "A100" });
  await store.commit(sampleCommit("r-aaa", { epoch, expectedSeq: 1, experiences: [later, other] }));
  expect(await store.listExperiences({ since: 0, limit: 10 })).toEqual([other, later]);
  const of = { platform: "cheap", instanceType: "4090" };
  expect(await store.listExperiences({ since: 0, limit: 10, of })).toEqual([later]);
  expect(await store.listExperiences({ since: 1500, limit: 10 })).toEqual([other]);
  expect(await store.listExperiences({ since: 0, limit: 1 })).toEqual([other]);
});

it("keeps no experience of a step that was refused", async ({ expect, store }) => {
  await store.createRun(sampleRun("r-aaa"));
  await store.takeLock("r-aaa", "me", 1000, 0);
  const experiences = [sampleExperience("key-1")];
  const step = sampleCommit("r-aaa", { epoch: 99, expectedSeq: 0, experiences });
  await expect(store.commit(step)).rejects.toThrow(StaleEpochError);
  expect(await store.listExperiences({ since: 0, limit: 10 })).toEqual([]);
});
