import { all, count, first } from "./query.ts";
import type { Work } from "./query.ts";
import { toLock } from "./rows.ts";
import { sql } from "./sql.ts";
import type { LockRow } from "./store.ts";

/** Takes a drive lock that is free, expired or this owner's; the epoch rises unless the owner stays the same. */
export function* takeLock(
  runId: string,
  owner: string,
  ttlMs: number,
  now: number,
): Work<LockRow | undefined> {
  return toLock(yield* first(sql.takeLock, runId, owner, now + ttlMs, now));
}

/** Moves the expiry of a held lock; undefined when another owner or epoch came. An expired one may be renewed. */
export function* renewLock(lock: LockRow, ttlMs: number, now: number): Work<LockRow | undefined> {
  const expiresAt = now + ttlMs;
  const { runId, owner, epoch } = lock;
  const changed = yield* count(sql.renewLock, expiresAt, runId, owner, epoch);
  return changed === 0 ? undefined : { runId, owner, expiresAt, epoch };
}

/** Frees a lock that is still this one; otherwise nothing. The epoch stays and rises with the next owner. */
export function* releaseLock(lock: LockRow): Work<void> {
  yield* all(sql.releaseLock, lock.runId, lock.owner, lock.epoch);
}

/** The lock as it stands, expired or not; undefined when nobody holds it. */
export function* readLock(runId: string): Work<LockRow | undefined> {
  return toLock(yield* first(sql.readLock, runId));
}

/** Lifts the epoch above `minimum`, which frees the lock; nothing when it is above already. */
export function* raiseEpoch(runId: string, minimum: number): Work<void> {
  yield* all(sql.raiseEpoch, runId, Math.max(minimum + 1, 0));
}
