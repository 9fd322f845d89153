import type { HostAttempt, HostSession } from "@gpujob/spec";
import { GpujobError, toFailure } from "@gpujob/spec";
import { StaleEpochError, StoreGoneError } from "@gpujob/store";
import type { Commit, CommitResult, LockRow } from "@gpujob/store";
import type { Submission } from "../core/context.ts";
import { decide } from "../core/decide.ts";
import type { Snapshot } from "../core/decide.ts";
import type { RunEvent } from "../core/events.ts";
import { experienceRows } from "./experiences.ts";
import { exclusionRows, ledgerRows, leaseRows } from "./facts.ts";
import type { EnginePorts } from "./ports.ts";
import { stateOf } from "./view.ts";
import { createSnapshotWriter } from "./write-snapshot.ts";

/** An event as a runner reports it; the driver adds the time. */
export type Report = RunEvent extends infer Event
  ? Event extends RunEvent
    ? Omit<Event, "at">
    : never
  : never;

/** One run while this process drives it. */
export interface RunSession {
  readonly ports: EnginePorts;
  readonly submission: Submission;
  readonly secrets: Readonly<Record<string, string>>;
  snapshot(): Snapshot;
  lock(): LockRow;
  /** Journals an event and what follows from it; finishes the effect that it reports on. */
  emit(
    report: Report,
    options?: { readonly finish?: string; readonly wishes?: readonly number[] },
  ): Promise<void>;
  /** How the host knows us: attempt, rank and the epoch of our lock. */
  hostAttempt(attempt: number, member: number): HostAttempt;
  /** A connection to a member, shared by all its effects; made when there is none. */
  host(
    attempt: number,
    member: number,
    options: { readonly signal: AbortSignal },
  ): Promise<HostSession>;
  /** Forgets a broken connection. */
  dropHost(attempt: number, member: number): void;
  /**
   * Milliseconds since a journaled time that are certain: by the clock that says less, and of the time before this driver
   * nothing at all. A wall clock that is set forward, whenever that was, makes nothing older.
   */
  ageOf(at: number): number;
  /** Renews the drive lock so that it outlasts `ms`; throws when it is lost. */
  holdLock(ms: number): Promise<void>;
}

/** What `createCommitter` needs to turn reports into commits, one after the other. */
export interface CommitterOptions {
  readonly ports: EnginePorts;
  readonly submission: Submission;
  readonly runId: string;
  readonly lock: () => LockRow;
  readonly initial: { readonly snapshot: Snapshot; readonly seq: number };
  readonly signal: AbortSignal;
  /** A step is in the store, and this came of it. */
  readonly onCommitted: (step: Commit, result: CommitResult) => void;
  readonly onLost: (error: unknown) => void;
}

/** Serialises events: decide, write all in one transaction, then let the effects go. */
export function createCommitter(options: CommitterOptions): {
  readonly snapshot: () => Snapshot;
  readonly emit: RunSession["emit"];
} {
  const { ports, submission, runId } = options;
  const writeSnapshot = createSnapshotWriter();
  let { snapshot, seq } = options.initial;
  let tail: Promise<unknown> = Promise.resolve();

  async function commit(
    report: Report,
    finish: readonly string[],
    wishes: readonly number[],
  ): Promise<void> {
    options.signal.throwIfAborted();
    const at = ports.clock.now();
    // `Report` is a RunEvent without its time, which is added here.
    const event = { ...report, at } as RunEvent;
    const decision = decide(snapshot, event, submission);
    ports.crashPoint(`before-commit:${event.type}`);
    const isSettled = decision.snapshot.context.isSettled === true;
    const step: Commit = {
      runId,
      epoch: options.lock().epoch,
      expectedSeq: seq,
      at,
      event: { type: event.type, data: JSON.stringify(event) },
      snapshot: writeSnapshot(decision.snapshot),
      state: stateOf(decision.snapshot),
      ...(isSettled ? { settledAt: at } : {}),
      addEffects: decision.effects.map((planned) => ({
        key: planned.key,
        kind: planned.effect.kind,
        payload: JSON.stringify(planned.effect),
        dueAt: planned.dueAt,
      })),
      finishEffects: finish,
      cancelEffects: isSettled ? ["*"] : decision.cancelled,
      leases: leaseRows(snapshot.context, decision.snapshot.context, submission, event),
      ledger: ledgerRows(snapshot.context, decision.snapshot.context, submission),
      consumeWishes: wishes,
      exclusions: exclusionRows(snapshot.context, decision.snapshot.context),
      experiences: experienceRows(snapshot.context, decision.snapshot.context, submission),
    };
    const result = await ports.store.commit(step);
    snapshot = decision.snapshot;
    seq = result.seq;
    ports.crashPoint(`after-commit:${event.type}`);
    ports.observe({ type: "journal", event, snapshot });
    options.onCommitted(step, result);
  }

  async function patiently(step: () => Promise<void>): Promise<void> {
    for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 5000)) {
      try {
        return await step();
      } catch (error) {
        if (error instanceof StaleEpochError || error instanceof StoreGoneError) {
          options.onLost(error);
          throw error;
        }
        // A full disk or a locked file: nothing was written, and nothing new is begun until it can be.
        if (!GpujobError.is(error) || error.kind !== "store") throw error;
        ports.observe({ type: "trouble", operation: "store", failure: toFailure(error) });
        await ports.clock.sleep(waitMs, { signal: options.signal });
      }
    }
  }

  async function write(before: Promise<unknown>, step: () => Promise<void>): Promise<void> {
    await before;
    await patiently(step);
  }

  return {
    snapshot: () => snapshot,
    emit(report, { finish, wishes } = {}) {
      const turn = write(tail, () =>
        commit(report, finish === undefined ? [] : [finish], wishes ?? []),
      );
      tail = turn.catch(() => undefined);
      return turn;
    },
  };
}
