import type { Clock } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import type { Submission } from "../core/context.ts";
import { decide } from "../core/decide.ts";
import type { Snapshot } from "../core/decide.ts";
import type { RunEvent } from "../core/events.ts";
import { readStored } from "../core/stored-json.ts";
import { ledgerRows, leaseRows } from "./facts.ts";
import type { Report } from "./run-session.ts";
import { stateOf } from "./view.ts";
import { createSnapshotWriter } from "./write-snapshot.ts";

const lockTtlMs = 15_000;

/** What may still become known of a run that is over: how a machine that bills by hand ended. */
type LateReport = Report & { readonly type: "lease-vouched" | "lease-released" };

/**
 * Journals what became known about a lease of a settled run and closes its charge. Changes nothing else: the run stays as
 * settled as it was. Answers false, with nothing written, when the run is not settled or somebody holds its lock just now.
 */
export async function amendRun(
  ports: { readonly store: Store; readonly clock: Clock; readonly owner: string },
  runId: string,
  report: LateReport,
): Promise<boolean> {
  const { store, clock, owner } = ports;
  const lock = await store.takeLock(runId, owner, lockTtlMs, clock.now());
  if (lock === undefined) return false;
  try {
    const row = await store.loadRun(runId);
    if (row?.settledAt === undefined) return false;
    const submission = readStored<Submission>(row.submission);
    const before = readStored<Snapshot>(row.snapshot);
    const at = clock.now();
    const event: RunEvent = { ...report, at };
    const { snapshot } = decide(before, event, submission);
    await store.commit({
      runId,
      epoch: lock.epoch,
      expectedSeq: row.seq,
      at,
      event: { type: event.type, data: JSON.stringify(event) },
      snapshot: createSnapshotWriter()(snapshot),
      state: stateOf(snapshot),
      settledAt: row.settledAt,
      // Nobody drives the run any more, so nothing is asked for.
      addEffects: [],
      finishEffects: [],
      cancelEffects: [],
      leases: leaseRows(before.context, snapshot.context, submission, event),
      ledger: ledgerRows(before.context, snapshot.context, submission),
      consumeWishes: [],
    });
    return true;
  } finally {
    await store.releaseLock(lock);
  }
}
