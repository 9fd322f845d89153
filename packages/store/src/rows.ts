import { GpujobError, runStates } from "@gpujob/spec";
import type { Row } from "./query.ts";
import type {
  EffectRow,
  EventRow,
  ExclusionRow,
  LeaseRow,
  LedgerRow,
  LockRow,
  PinRow,
  RunRow,
  WishRow,
} from "./store.ts";

const leaseStates = [
  "intended",
  "unclear",
  "held",
  "releasing",
  "gone",
  "never",
  "vouched",
] as const satisfies readonly LeaseRow["state"][];
const releaseModes = ["api", "owned", "by-hand"] as const satisfies readonly LeaseRow["release"][];
const ledgerKinds = [
  "compute",
  "disk",
  "public-ip",
  "surcharge",
  "egress",
  "tax",
] as const satisfies readonly LedgerRow["kind"][];

function unreadable(column: string, value: unknown): GpujobError {
  return new GpujobError("store", `The store holds ${JSON.stringify(value)} as ${column}.`, {
    hint: "It was written by a newer gpujob, or the file is damaged: update gpujob, then run `gpujob doctor`.",
  });
}

/** A column that always holds text. Throws `GpujobError` of kind `store` when it does not. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw unreadable(column, value);
}

function whole(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === "number") return value;
  throw unreadable(column, value);
}

function oneOf<const T extends string>(row: Row, column: string, known: readonly T[]): T {
  const value = row[column];
  const found = known.find((each) => each === value);
  if (found === undefined) throw unreadable(column, value);
  return found;
}

function labels(row: Row): Readonly<Record<string, string>> {
  const value: unknown = JSON.parse(text(row, "labels"));
  if (typeof value !== "object" || value === null) throw unreadable("labels", value);
  return Object.fromEntries(Object.entries(value).map(([name, label]) => [name, String(label)]));
}

/** A run from its columns. */
export function toRun(row: Row): RunRow {
  return {
    runId: text(row, "run_id"),
    name: text(row, "name"),
    state: oneOf(row, "state", runStates),
    createdAt: whole(row, "created_at"),
    ...(row["settled_at"] !== null && { settledAt: whole(row, "settled_at") }),
    snapshot: text(row, "snapshot"),
    snapshotVersion: whole(row, "snapshot_version"),
    seq: whole(row, "seq"),
    submission: text(row, "submission"),
    labels: labels(row),
    ...(row["idempotency_key"] !== null && { idempotencyKey: text(row, "idempotency_key") }),
  };
}

/** An event from its columns. */
export function toEvent(row: Row): EventRow {
  return {
    runId: text(row, "run_id"),
    seq: whole(row, "seq"),
    at: whole(row, "at"),
    type: text(row, "type"),
    data: text(row, "data"),
  };
}

/** An unfinished effect from its columns. */
export function toEffect(row: Row): EffectRow {
  return {
    effectId: text(row, "effect_id"),
    runId: text(row, "run_id"),
    key: text(row, "effect_key"),
    kind: text(row, "kind"),
    payload: text(row, "payload"),
    dueAt: whole(row, "due_at"),
    createdAt: whole(row, "created_at"),
    tries: whole(row, "tries"),
  };
}

/** A drive lock from its columns; absent when nobody holds it. */
export function toLock(row: Row | undefined): LockRow | undefined {
  if (row === undefined || row["owner"] === null) return undefined;
  return {
    runId: text(row, "run_id"),
    owner: text(row, "owner"),
    expiresAt: whole(row, "expires_at"),
    epoch: whole(row, "epoch"),
  };
}

/** A user's wish from its columns. */
export function toWish(row: Row): WishRow {
  return {
    wishId: whole(row, "wish_id"),
    runId: text(row, "run_id"),
    kind: text(row, "kind"),
    payload: text(row, "payload"),
    at: whole(row, "at"),
  };
}

/** A lease from its columns. */
export function toLease(row: Row): LeaseRow {
  return {
    leaseKey: text(row, "lease_key"),
    runId: text(row, "run_id"),
    attempt: whole(row, "attempt"),
    member: whole(row, "member"),
    platform: text(row, "platform"),
    offerId: text(row, "offer_id"),
    release: oneOf(row, "release_mode", releaseModes),
    state: oneOf(row, "state", leaseStates),
    ...(row["lease_id"] !== null && { leaseId: text(row, "lease_id") }),
    terms: text(row, "terms"),
    intendedAt: whole(row, "intended_at"),
    ...(row["created_at"] !== null && { createdAt: whole(row, "created_at") }),
    ...(row["billed_from"] !== null && { billedFrom: whole(row, "billed_from") }),
    ...(row["billed_to"] !== null && { billedTo: whole(row, "billed_to") }),
    ...(row["watch_until"] !== null && { watchUntil: whole(row, "watch_until") }),
    proof: text(row, "proof"),
  };
}

/** A closed charge from its columns. */
export function toLedger(row: Row): LedgerRow {
  return {
    leaseKey: text(row, "lease_key"),
    runId: text(row, "run_id"),
    attempt: whole(row, "attempt"),
    platform: text(row, "platform"),
    leaseId: text(row, "lease_id"),
    kind: oneOf(row, "kind", ledgerKinds),
    from: whole(row, "from_at"),
    to: whole(row, "to_at"),
    billedSeconds: whole(row, "billed_seconds"),
    amount: { currency: text(row, "currency"), micros: whole(row, "micros") },
  };
}

/** A learnt host identity from its columns. */
export function toPin(row: Row): PinRow {
  return {
    scope: text(row, "scope"),
    fingerprint: text(row, "fingerprint"),
    at: whole(row, "at"),
  };
}

/** An exclusion from its columns. */
export function toExclusion(row: Row): ExclusionRow {
  return {
    scopeKey: text(row, "scope_key"),
    reason: text(row, "reason"),
    until: whole(row, "until_at"),
  };
}
