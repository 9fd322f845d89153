import { setTimeout } from "node:timers/promises";
import type { Clock } from "@gpujob/spec";
import type { Commit, LeaseRow, LedgerRow, NewEffect, NewRun } from "../store.ts";

/** The real clock: these tests wait for other processes. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, { signal }) => setTimeout(ms, undefined, { signal }),
};

/** A run to be submitted. */
export function sampleRun(runId: string, changes: Partial<NewRun> = {}): NewRun {
  return {
    runId,
    name: "qwen-lora",
    state: "planning",
    createdAt: 1000,
    snapshot: `{"state":"planning"}`,
    snapshotVersion: 1,
    submission: `{"job":{}}`,
    labels: {},
    effects: [],
    ...changes,
  };
}

/** One step of a run that changes nothing but its number. */
export function sampleCommit(
  runId: string,
  step: { readonly epoch: number; readonly expectedSeq: number } & Partial<Commit>,
): Commit {
  return {
    runId,
    at: 2000 + step.expectedSeq,
    event: { type: "offers-listed", data: `{"offers":[]}` },
    snapshot: `{"state":"acquiring"}`,
    state: "acquiring",
    addEffects: [],
    finishEffects: [],
    cancelEffects: [],
    leases: [],
    ledger: [],
    consumeWishes: [],
    ...step,
  };
}

/** Something to be done outside. */
export function sampleEffect(key: string, changes: Partial<NewEffect> = {}): NewEffect {
  return { key, kind: key.split(":")[0] ?? key, payload: "{}", dueAt: 1000, ...changes };
}

/** A lease that is held. */
export function sampleLease(
  runId: string,
  leaseKey: string,
  changes: Partial<LeaseRow> = {},
): LeaseRow {
  return {
    leaseKey,
    runId,
    attempt: 1,
    member: 0,
    platform: "cheap",
    offerId: "a",
    release: "api",
    state: "held",
    terms: "{}",
    intendedAt: 1000,
    proof: "",
    ...changes,
  };
}

/** A closed charge of ten minutes. */
export function sampleCharge(runId: string, changes: Partial<LedgerRow> = {}): LedgerRow {
  return {
    leaseKey: "key-1",
    runId,
    attempt: 1,
    platform: "cheap",
    leaseId: "m-1",
    kind: "compute",
    from: 1000,
    to: 601_000,
    billedSeconds: 600,
    amount: { currency: "CNY", micros: 220_000 },
    ...changes,
  };
}
