import type { Failure } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { StoreGoneError } from "@gpujob/store";
import type { LockRow } from "@gpujob/store";
import type { Submission } from "../core/context.ts";
import type { Snapshot } from "../core/decide.ts";
import { createEffectRunner } from "../effects/run-effect.ts";
import { createEffectScheduler } from "./effect-scheduler.ts";
import { createHostPool } from "./host-pool.ts";
import type { EnginePorts } from "./ports.ts";
import { createCommitter } from "./run-session.ts";
import type { RunSession } from "./run-session.ts";
import { readStored } from "../core/stored-json.ts";

/** Why a driver let go of a run. */
export type DriveEnd =
  | { readonly kind: "settled" }
  /** The signal fired: the lock is free, and another driver may go on. */
  | { readonly kind: "handed-over" }
  /** Another driver has the lock, now or meanwhile. */
  | { readonly kind: "taken" }
  /** Secrets of the run cannot be resolved here; the lock was not taken. */
  | { readonly kind: "needs-credentials"; readonly missing: readonly string[] };

/** The drive lock outlives a dead driver by this, in milliseconds. */
export const lockTtlMs = 15_000;

/**
 * Drives one run until it is settled, the signal fires or another driver takes over. In the foreground, in the
 * background and in a service it is this function with another lifetime. Throws `StoreGoneError` when the state folder is
 * deleted meanwhile.
 */
export async function driveRun(
  ports: EnginePorts,
  runId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<DriveEnd> {
  const row = await ports.store.loadRun(runId);
  if (row === undefined) throw new GpujobError("not_found", `There is no run ${runId}.`);
  if (row.settledAt !== undefined) return { kind: "settled" };
  // Both were written by this program; migrations keep older ones readable.
  const submission = readStored<Submission>(row.submission);
  const secrets = await ports.resolveSecrets(submission);
  if (secrets.missing.length > 0) return { kind: "needs-credentials", missing: secrets.missing };
  const lock = await ports.store.takeLock(runId, ports.owner, lockTtlMs, ports.clock.now());
  if (lock === undefined) return { kind: "taken" };
  return driveLocked({ ports, runId, submission, secrets: secrets.values, lock, signal });
}

interface Drive {
  readonly ports: EnginePorts;
  readonly runId: string;
  readonly submission: Submission;
  readonly secrets: Readonly<Record<string, string>>;
  readonly lock: LockRow;
  readonly signal: AbortSignal;
}

async function driveLocked(drive: Drive): Promise<DriveEnd> {
  const { ports, runId, submission } = drive;
  const ended = new AbortController();
  const signal = AbortSignal.any([drive.signal, ended.signal]);
  let lock = drive.lock;
  let isLost = false;
  const settled = Promise.withResolvers<boolean>();
  const lose = (error: unknown): void => {
    isLost = true;
    ended.abort(error);
  };
  // Read again under the lock: the last driver may have written until this moment.
  const row = await ports.store.loadRun(runId);
  if (row === undefined) throw new GpujobError("not_found", `There is no run ${runId}.`);
  if (row.settledAt !== undefined) {
    // The last driver settled it while this one was on its way: nothing would ever wake it.
    await ports.store.releaseLock(lock);
    return { kind: "settled" };
  }
  const committer = createCommitter({
    ports,
    submission,
    runId,
    lock: () => lock,
    initial: { snapshot: readStored<Snapshot>(row.snapshot), seq: row.seq },
    signal,
    onCommitted(step, result) {
      if (committer.snapshot().context.isSettled === true) settled.resolve(true);
      else scheduler.follow(step, result);
    },
    onLost: lose,
  });
  async function renew(ttlMs: number): Promise<void> {
    const renewed = await ports.store
      .renewLock(lock, ttlMs, ports.clock.now())
      .catch((error: unknown) => {
        // Nothing that this driver learns can be written any more; who deleted the state has ended its part.
        if (error instanceof StoreGoneError) lose(error);
        throw error;
      });
    if (renewed === undefined) {
      const error = new GpujobError("internal", `Another driver has taken over ${runId}.`);
      lose(error);
      throw error;
    }
    lock = renewed;
  }
  const begun = { at: ports.clock.now(), monotonic: ports.clock.monotonic() };
  const hosts = createHostPool({ ports, snapshot: committer.snapshot });
  const session: RunSession = {
    ports,
    submission,
    secrets: drive.secrets,
    snapshot: committer.snapshot,
    lock: () => lock,
    emit: committer.emit,
    hostAttempt: (attempt, rank) => ({ runId, attempt, rank, epoch: lock.epoch }),
    host: (attempt, member, wait) => hosts.host(attempt, member, wait),
    dropHost: (attempt, member) => hosts.drop(attempt, member),
    ageOf(at) {
      const watchedMs = ports.clock.monotonic() - begun.monotonic;
      // The wall clock may have been set before this driver began: what came earlier is as old as it has watched itself.
      return Math.min(ports.clock.now() - at, begun.at + watchedMs - at, watchedMs);
    },
    async holdLock(ms) {
      if (lock.expiresAt - ports.clock.now() < ms) await renew(ms + lockTtlMs);
    },
  };
  const scheduler = createEffectScheduler({
    ports,
    runId,
    epoch: () => lock.epoch,
    run: createEffectRunner(session),
  });
  // Before anything repeats itself: when this fails, the driver fails, and must not go on holding the lock.
  await scheduler.load();
  const heartbeat = repeat(ports, ports.tempo.renewLockMs, signal, () => renew(lockTtlMs));
  const wishes = repeat(ports, ports.tempo.wishPollMs, signal, () => takeWishes(session, runId));
  signal.addEventListener("abort", () => settled.resolve(false), { once: true });
  if (signal.aborted) settled.resolve(false);
  const isSettled = await settled.promise;
  await scheduler.stop();
  ended.abort(new GpujobError("aborted", "The driver has let go."));
  await Promise.all([heartbeat, wishes]);
  await hosts.close();
  const reason: unknown = ended.signal.reason;
  if (reason instanceof StoreGoneError) throw reason;
  if (!isLost) await ports.store.releaseLock(lock);
  if (isSettled) return { kind: "settled" };
  return { kind: isLost ? "taken" : "handed-over" };
}

/** Does something again and again until the signal fires; what it throws is tried again with the next turn. */
async function repeat(
  ports: EnginePorts,
  everyMs: number,
  signal: AbortSignal,
  action: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await action();
    } catch (error) {
      if (!signal.aborted)
        ports.observe({ type: "trouble", operation: "drive", failure: failureOf(error) });
    }
    await ports.clock.sleep(everyMs, { signal }).catch(() => undefined);
  }
}

function failureOf(error: unknown): Failure {
  return GpujobError.is(error) ? error.failure : { kind: "internal", message: String(error) };
}

/** Journals what users asked of this run since the last look. */
async function takeWishes(session: RunSession, runId: string): Promise<void> {
  for (const wish of await session.ports.store.listWishes(runId)) {
    const payload = readStored<WishPayload>(wish.payload);
    if (wish.kind === "stop") {
      await session.emit(
        {
          type: "stop-wished",
          reason: payload.reason ?? "cancelled",
          isNow: payload.isNow === true,
        },
        { wishes: [wish.wishId] },
      );
    } else if (wish.kind === "vouch" && payload.leaseKey !== undefined) {
      await session.emit(
        { type: "lease-vouched", leaseKey: payload.leaseKey },
        { wishes: [wish.wishId] },
      );
    } else if (wish.kind === "give" && payload.to !== undefined) {
      const attempt = session.snapshot().context.current;
      await session.emit(
        { type: "lease-given", attempt, to: payload.to },
        { wishes: [wish.wishId] },
      );
    } else if (wish.kind === "drill") {
      const { current } = session.snapshot().context;
      const reason = "Interrupted on purpose by gpujob drill.";
      await session.emit(
        { type: "interruption-noticed", attempt: current, member: 0, reason, isDrill: true },
        { wishes: [wish.wishId] },
      );
    } else if (wish.kind === "keep-ended") {
      await session.emit({ type: "keep-ended" }, { wishes: [wish.wishId] });
    }
  }
}

/** What a wish may carry; written by `engine` functions only. */
export interface WishPayload {
  readonly reason?: "cancelled" | "terminated";
  readonly isNow?: boolean;
  readonly leaseKey?: string;
  /** Run that the kept machine goes over to. */
  readonly to?: string;
}
