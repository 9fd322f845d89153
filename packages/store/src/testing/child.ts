/**
 * A process of its own that uses a store, for the tests of what several of them do to one file.
 * It prints one JSON value per line, each only after the store has confirmed it.
 */
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { toFailure } from "@gpujob/spec";
import { openStore } from "../open.ts";
import { StaleEpochError } from "../store.ts";
import type { Store } from "../store.ts";
import { realClock, sampleCommit, sampleRun } from "./samples.ts";

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function open(path: string): Promise<Store> {
  return openStore({ path, clock: realClock, newId: () => `store-${process.pid}` });
}

/** Submits under one idempotency key as soon as it is told to. */
async function submit(path: string, runId: string, key: string): Promise<void> {
  const store = await open(path);
  say("ready");
  await nextLine();
  say(await store.createRun(sampleRun(runId, { idempotency: { key, contentHash: "h" } })));
  await store.close();
}

/** Drives a run: commits step after step until another driver has taken over. */
async function drive(path: string, runId: string): Promise<void> {
  const store = await open(path);
  const lock = await store.takeLock(runId, `driver-${process.pid}`, 60_000, Date.now());
  let expectedSeq = (await store.loadRun(runId))?.seq ?? 0;
  try {
    for (;;) {
      const step = { epoch: lock?.epoch ?? 0, expectedSeq };
      expectedSeq = (await store.commit(sampleCommit(runId, step))).seq;
      say(expectedSeq);
    }
  } catch (error) {
    say(error instanceof StaleEpochError ? "stale" : toFailure(error));
  }
}

/** Takes the lock again and again, one commit under each; prints the epoch of each. */
async function contend(path: string, runId: string, rounds: number): Promise<void> {
  const store = await open(path);
  for (let won = 0; won < rounds;) {
    const lock = await store.takeLock(runId, `driver-${process.pid}`, 60_000, Date.now());
    if (lock === undefined) {
      await realClock.sleep(1, { signal: AbortSignal.timeout(60_000) });
      continue;
    }
    const expectedSeq = (await store.loadRun(runId))?.seq ?? 0;
    await store.commit(sampleCommit(runId, { epoch: lock.epoch, expectedSeq }));
    await store.releaseLock(lock);
    say(lock.epoch);
    won += 1;
  }
  await store.close();
}

/** Holds the file's write lock until it is told to let go. */
async function hold(path: string): Promise<void> {
  const database = new DatabaseSync(path);
  database.exec("begin immediate");
  say("held");
  await nextLine();
  database.exec("rollback");
  database.close();
}

/** Writes until the disk is full, then makes room, then writes again. */
async function fill(path: string, ballast: string): Promise<void> {
  const store = await open(path);
  await store.createRun(sampleRun("r-aaa"));
  const lock = await store.takeLock("r-aaa", "driver", 60_000, Date.now());
  const data = JSON.stringify("x".repeat(20_000));
  let expectedSeq = 0;
  const step = async (): Promise<void> => {
    const event = { type: "log-seen", data };
    const next = sampleCommit("r-aaa", { epoch: lock?.epoch ?? 0, expectedSeq, event });
    expectedSeq = (await store.commit(next)).seq;
  };
  try {
    for (;;) await step();
  } catch (error) {
    say({ confirmed: expectedSeq, failure: toFailure(error) });
  }
  say({ kept: (await store.listEvents("r-aaa")).length });
  if (ballast === "") return;
  rmSync(ballast);
  await step();
  say({ kept: (await store.listEvents("r-aaa")).length });
  await store.close();
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function nextLine(): Promise<void> {
  await lines.next();
}

const [task, path = "", first = "", second = ""] = process.argv.slice(2);
if (task === "submit") await submit(path, first, second);
if (task === "drive") await drive(path, first);
if (task === "contend") await contend(path, first, Number(second));
if (task === "hold") await hold(path);
if (task === "fill") await fill(path, first);
process.stdin.destroy();
