import { readFileSync } from "node:fs";
import type { Store } from "./index.ts";
import { StaleEpochError } from "./index.ts";
import { it } from "./testing/fixture.ts";
import { sampleCommit, sampleRun } from "./testing/samples.ts";

const header = { file: 32, frame: 24 } as const;

/** Transactions in the write-ahead log: frames that name the size of the database after them. */
function countTransactions(path: string): number {
  const log = readFileSync(`${path}-wal`);
  if (log.length === 0) return 0;
  const frame = header.frame + log.readUInt32BE(8);
  const frames = Math.floor((log.length - header.file) / frame);
  return Array.from({ length: frames }, (_, index) =>
    log.readUInt32BE(header.file + index * frame + 4),
  ).filter((size) => size > 0).length;
}

async function lockAll(store: Store, runs: readonly string[]): Promise<void> {
  await Promise.all(runs.map((runId) => store.takeLock(runId, "driver", 60_000, 0)));
}

it("takes many locks with a few writes of the disk", async ({ expect, disk }) => {
  const store = await disk.open();
  const runs = Array.from({ length: 450 }, (_, index) => `r-${index}`);
  const before = countTransactions(disk.path);
  await lockAll(store, runs);
  expect(countTransactions(disk.path) - before).toBeLessThanOrEqual(3);
  await store.close();
  const again = await disk.open();
  const locks = await Promise.all(runs.map((runId) => again.readLock(runId)));
  expect(locks.every((lock) => lock?.owner === "driver")).toBe(true);
});

it("refuses one of many that come together, and writes the others in the order they came", async ({
  expect,
  disk,
}) => {
  const store = await disk.open();
  await store.createRun(sampleRun("r-aaa"));
  await lockAll(store, ["r-aaa"]);
  const stale = sampleCommit("r-aaa", { epoch: 7, expectedSeq: 0 });
  const results = await Promise.allSettled([
    store.putValue("word", "first"),
    store.commit(stale),
    store.commit({ ...stale, epoch: 1 }),
    store.putValue("word", "last"),
  ]);
  expect(results.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  expect(results[1]).toMatchObject({ reason: expect.any(StaleEpochError) });
  expect(await store.readValue("word")).toBe("last");
  expect(await store.listEvents("r-aaa")).toHaveLength(1);
});

it("has written what was asked for before it was closed", async ({ expect, disk }) => {
  const store = await disk.open();
  const written = store.putValue("word", "last");
  await store.close();
  await written;
  const again = await disk.open();
  expect(await again.readValue("word")).toBe("last");
});
