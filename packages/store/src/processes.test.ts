import { setInterval } from "node:timers/promises";
import { StaleEpochError } from "./index.ts";
import type { LockRow, Store } from "./index.ts";
import { it } from "./testing/fixture.ts";
import { childCommand } from "./testing/processes.ts";
import { realClock, sampleCommit, sampleRun } from "./testing/samples.ts";

const limits = { timeout: 60_000 };

it(
  "makes one run of an idempotency key that several processes submit at once",
  limits,
  async ({ expect, disk }) => {
    const ids = ["r-a", "r-b", "r-c", "r-d"];
    const children = ids.map((id) => disk.start(childCommand("submit", disk.path, id, "ci-7")));
    for (const child of children) expect(await child.next()).toBe("ready");
    for (const child of children) child.tell("go");
    const answers = await Promise.all(children.map((child) => child.next()));
    const store = await disk.open();
    const runs = await store.listRuns({});
    expect(runs).toHaveLength(1);
    const winner = runs[0]?.runId;
    expect(answers).toEqual(ids.map((id) => ({ runId: winner, isNew: id === winner })));
  },
);

it(
  "gives each epoch to one process only, and loses no commit under contention",
  limits,
  async ({ expect, disk }) => {
    const store = await disk.open();
    await store.createRun(sampleRun("r-aaa"));
    const children = [1, 2, 3].map(() =>
      disk.start(childCommand("contend", disk.path, "r-aaa", "20")),
    );
    const epochs = (await Promise.all(children.map((child) => child.rest()))).flat();
    expect(epochs).toHaveLength(60);
    expect(new Set(epochs).size).toBe(60);
    expect(await store.loadRun("r-aaa")).toMatchObject({ seq: 60 });
    const events = await store.listEvents("r-aaa");
    expect(events.map(({ seq }) => seq)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
  },
);

it(
  "keeps every confirmed step of a driver that is killed while it writes",
  limits,
  async ({ expect, disk }) => {
    const store = await disk.open();
    await store.createRun(sampleRun("r-aaa"));
    for (let round = 0; round < 4; round += 1) {
      let seen = 0;
      const child = disk.start(childCommand("drive", disk.path, "r-aaa"));
      for (let line = 0; line < 5 + round * 7; line += 1) seen = Number(await child.next());
      child.signal("SIGKILL");
      const confirmed = (await child.rest()).findLast((line) => typeof line === "number") ?? seen;
      await child.gone;
      expect(confirmed).toBeGreaterThan(0);
      const run = await store.loadRun("r-aaa");
      const events = await store.listEvents("r-aaa");
      expect(run?.seq).toBe(events.length);
      expect(events.length).toBeGreaterThanOrEqual(confirmed);
      const heir = await requireLock(store);
      await store.releaseLock(heir);
    }
  },
);

it(
  "refuses the commit of a driver that was stopped and comes back after a take-over",
  limits,
  async ({ expect, disk }) => {
    const store = await disk.open();
    await store.createRun(sampleRun("r-aaa"));
    const child = disk.start(childCommand("drive", disk.path, "r-aaa"));
    expect(await child.next()).toBe(1);
    child.signal("SIGSTOP");
    // It may have been stopped within a write: the take-over waits for that, and the stopped one must first go on.
    const lock = await takeOver(store, () => child.signal("SIGCONT"));
    const run = await store.loadRun("r-aaa");
    const step = sampleCommit("r-aaa", { epoch: lock.epoch, expectedSeq: run?.seq ?? 0 });
    const { seq } = await store.commit(step);
    child.signal("SIGCONT");
    expect((await child.rest()).at(-1)).toBe("stale");
    expect(await store.loadRun("r-aaa")).toMatchObject({ seq });
    const stale = sampleCommit("r-aaa", { epoch: lock.epoch - 1, expectedSeq: seq });
    await expect(store.commit(stale)).rejects.toThrow(StaleEpochError);
  },
);

async function takeOver(store: Store, wake: () => void): ReturnType<typeof requireLock> {
  const waking = new AbortController();
  const taken = requireLock(store);
  const woken = realClock.sleep(2000, { signal: waking.signal }).then(wake, () => undefined);
  const lock = await taken;
  waking.abort();
  await woken;
  return lock;
}

async function requireLock(store: Store): Promise<LockRow> {
  const lock = await store.takeLock("r-aaa", "heir", 60_000, Date.now() + 120_000);
  if (lock === undefined) throw new Error("the lock of the stopped driver has not expired");
  return lock;
}

it(
  "waits for another process's lock without stopping the event loop, then commits in order",
  limits,
  async ({ expect, disk }) => {
    const store = await disk.open();
    const holder = disk.start(childCommand("hold", disk.path));
    expect(await holder.next()).toBe("held");
    const order: string[] = [];
    const writes = ["r-a", "r-b", "r-c"].map(async (id) => {
      await store.createRun(sampleRun(id));
      order.push(id);
    });
    expect(await store.listRuns({})).toEqual([]);
    const heart = setInterval(20, undefined, { signal: AbortSignal.timeout(30_000) });
    for (let beats = 0; beats < 20; beats += 1) await heart[Symbol.asyncIterator]().next();
    expect(order).toEqual([]);
    holder.tell("let go");
    await Promise.all(writes);
    expect(order).toEqual(["r-a", "r-b", "r-c"]);
  },
);

it(
  "gives up after a minute of another process's lock, and says which file it is",
  limits,
  async ({ expect, disk }) => {
    let elapsed = 0;
    const clock = {
      ...realClock,
      monotonic: () => elapsed,
      sleep: async () => void (elapsed += 20_000),
    };
    const store = await disk.open({ clock });
    const holder = disk.start(childCommand("hold", disk.path));
    expect(await holder.next()).toBe("held");
    const write = store.putValue("a", "b");
    await expect(write).rejects.toMatchObject({
      failure: { kind: "store", retryAfterMs: 1000 },
      message: expect.stringContaining(disk.path),
    });
    holder.tell("let go");
    await holder.gone;
    await store.putValue("a", "b");
    expect(await store.readValue("a")).toBe("b");
  },
);
