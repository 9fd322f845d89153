import { all } from "./query.ts";
import type { Value, Work } from "./query.ts";
import { toLease, toLedger } from "./rows.ts";
import { listLeasesSql, listLedgerSql, sql } from "./sql.ts";
import type { LeaseRow, LedgerRow } from "./store.ts";

/** Writes all facts about one lease; the latest word wins. */
export function* putLease(lease: LeaseRow): Work<void> {
  yield* all(
    sql.putLease,
    lease.leaseKey,
    lease.runId,
    lease.attempt,
    lease.member,
    lease.platform,
    lease.offerId,
    lease.release,
    lease.state,
    lease.leaseId ?? null,
    lease.terms,
    lease.intendedAt,
    lease.createdAt ?? null,
    lease.billedFrom ?? null,
    lease.billedTo ?? null,
    lease.watchUntil ?? null,
    lease.proof,
  );
}

/** Writes one closed charge unless this lease, kind and start has one. */
export function* insertLedger(charge: LedgerRow): Work<void> {
  yield* all(
    sql.insertLedger,
    charge.leaseKey,
    charge.runId,
    charge.attempt,
    charge.platform,
    charge.leaseId,
    charge.kind,
    charge.from,
    charge.to,
    charge.billedSeconds,
    charge.amount.currency,
    charge.amount.micros,
  );
}

/** Leases that meet every condition given, oldest intent first. */
export function* listLeases(filter: {
  readonly runId?: string;
  readonly open?: boolean;
  readonly watchedAt?: number;
}): Work<readonly LeaseRow[]> {
  const { runId, open, watchedAt } = filter;
  const values: Value[] = [];
  if (runId !== undefined) values.push(runId);
  if (watchedAt !== undefined) values.push(watchedAt);
  const statement = listLeasesSql({
    run: runId !== undefined,
    open,
    watched: watchedAt !== undefined,
  });
  return (yield* all(statement, ...values)).map(toLease);
}

/** Closed charges of a run, or those that end at or after a moment, oldest first. */
export function* listLedger(filter: {
  readonly runId?: string;
  readonly since?: number;
}): Work<readonly LedgerRow[]> {
  const { runId, since } = filter;
  const values: Value[] = [];
  if (runId !== undefined) values.push(runId);
  if (since !== undefined) values.push(since);
  const statement = listLedgerSql({ run: runId !== undefined, since: since !== undefined });
  return (yield* all(statement, ...values)).map(toLedger);
}
