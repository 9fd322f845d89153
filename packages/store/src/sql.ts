/**
 * Every statement of the store, in SQL that SQLite and Postgres both read; a dialect for a server only renumbers
 * the question marks. Guards against other writers stand in the statements themselves (compare and set), never in
 * code between two of them.
 */

const runColumns = `run_id, name, state, created_at, settled_at, snapshot, snapshot_version, seq,
  submission, labels, idempotency_key`;
const effectColumns = `effect_id, run_id, effect_key, kind, payload, due_at, created_at, tries`;
const lockColumns = `run_id, owner, expires_at, epoch`;
const leaseColumns = `lease_key, run_id, attempt, member, platform, offer_id, release_mode, state, lease_id,
  terms, intended_at, created_at, billed_from, billed_to, watch_until, proof`;
const ledgerColumns = `lease_key, run_id, attempt, platform, lease_id, kind, from_at, to_at,
  billed_seconds, currency, micros`;
const openLease = `state not in ('gone', 'never', 'vouched')`;

function where(conditions: readonly (string | false | undefined)[]): string {
  const given = conditions.filter((condition) => typeof condition === "string");
  return given.length === 0 ? "" : `where ${given.join(" and ")}`;
}

export const sql = {
  insertRun: `insert into runs (${runColumns}, content_hash)
    values (?, ?, ?, ?, null, ?, ?, 0, ?, ?, ?, ?)
    on conflict (idempotency_key) do nothing
    returning run_id`,
  runByIdempotencyKey: `select run_id, content_hash from runs where idempotency_key = ?`,
  loadRun: `select ${runColumns} from runs where run_id = ?`,
  findRuns: `select ${runColumns} from runs where substr(run_id, 1, length(?)) = ? or name = ?
    order by created_at desc, run_id desc`,
  advanceRun: `update runs set seq = ?, snapshot = ?, state = ?, settled_at = ?
    where run_id = ? and seq = ? and exists (
      select 1 from locks where locks.run_id = runs.run_id and locks.epoch = ? and locks.owner is not null
    )`,
  runSeq: `select seq from runs where run_id = ?`,

  insertEvent: `insert into events (run_id, seq, at, type, data) values (?, ?, ?, ?, ?)`,
  listEvents: `select run_id, seq, at, type, data from events where run_id = ? and seq > ? order by seq`,

  insertEffect: `insert into effects (${effectColumns}, seq, position)
    values (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)
    on conflict (run_id, effect_key) do update set
      effect_id = excluded.effect_id, kind = excluded.kind, payload = excluded.payload,
      due_at = excluded.due_at, created_at = excluded.created_at, tries = 0,
      seq = excluded.seq, position = excluded.position`,
  listEffects: `select ${effectColumns} from effects where run_id = ? order by seq, position`,
  finishEffect: `delete from effects where run_id = ? and effect_id = ?`,
  cancelEffect: `delete from effects where run_id = ? and effect_key = ?`,
  cancelEffects: `delete from effects where run_id = ? and substr(effect_key, 1, length(?)) = ?`,
  beginEffect: `update effects set tries = tries + 1
    where effect_id = ? and exists (
      select 1 from locks where locks.run_id = effects.run_id and locks.epoch = ? and locks.owner is not null
    )`,

  takeLock: `insert into locks (${lockColumns}) values (?, ?, ?, 1)
    on conflict (run_id) do update set
      epoch = case when locks.owner = excluded.owner then locks.epoch else locks.epoch + 1 end,
      owner = excluded.owner, expires_at = excluded.expires_at
    where locks.owner is null or locks.owner = excluded.owner or locks.expires_at <= ?
    returning ${lockColumns}`,
  renewLock: `update locks set expires_at = ? where run_id = ? and owner = ? and epoch = ?`,
  releaseLock: `update locks set owner = null, expires_at = 0
    where run_id = ? and owner = ? and epoch = ?`,
  readLock: `select ${lockColumns} from locks where run_id = ?`,
  raiseEpoch: `insert into locks (${lockColumns}) values (?, null, 0, ?)
    on conflict (run_id) do update set epoch = excluded.epoch, owner = null, expires_at = 0
    where locks.epoch < excluded.epoch`,

  insertWish: `insert into wishes (run_id, kind, payload, at) values (?, ?, ?, ?)`,
  listWishes: `select wish_id, run_id, kind, payload, at from wishes where run_id = ? order by wish_id`,
  consumeWish: `delete from wishes where run_id = ? and wish_id = ?`,

  putLease: `insert into leases (${leaseColumns})
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (lease_key) do update set
      run_id = excluded.run_id, attempt = excluded.attempt, member = excluded.member,
      platform = excluded.platform, offer_id = excluded.offer_id, release_mode = excluded.release_mode,
      state = excluded.state, lease_id = excluded.lease_id, terms = excluded.terms,
      intended_at = excluded.intended_at, created_at = excluded.created_at,
      billed_from = excluded.billed_from, billed_to = excluded.billed_to,
      watch_until = excluded.watch_until, proof = excluded.proof`,
  insertLedger: `insert into ledger (${ledgerColumns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (lease_key, kind, from_at) do nothing`,

  readPin: `select scope, fingerprint, at from pins where scope = ?`,
  putPin: `insert into pins (scope, fingerprint, at) values (?, ?, ?)
    on conflict (scope) do update set fingerprint = excluded.fingerprint, at = excluded.at`,
  listExclusions: `select scope_key, reason, until_at from exclusions where until_at > ?
    order by scope_key`,
  putExclusion: `insert into exclusions (scope_key, reason, until_at) values (?, ?, ?)
    on conflict (scope_key) do update set reason = excluded.reason, until_at = excluded.until_at
    where excluded.until_at > exclusions.until_at`,
  dropExclusion: `delete from exclusions where scope_key = ?`,
  dropExclusions: `delete from exclusions where until_at <= ?`,

  putExperience: `insert into experiences (lease_key, platform, instance_type, at, facts)
    values (?, ?, ?, ?, ?)
    on conflict (lease_key) do update set facts = excluded.facts`,
  listExperiences: `select facts from experiences where at >= ? order by at desc, lease_key limit ?`,
  listExperiencesOfType: `select facts from experiences
    where platform = ? and instance_type = ? and at >= ? order by at desc, lease_key limit ?`,
  dropExperiences: `delete from experiences where at < ?`,

  readValue: `select value from settings where name = ?`,
  putValue: `insert into settings (name, value) values (?, ?)
    on conflict (name) do update set value = excluded.value`,
  ensureValue: `insert into settings (name, value) values (?, ?) on conflict (name) do nothing`,

  prunableRuns: `select run_id from runs
    where settled_at < ? and not exists (
      select 1 from leases where leases.run_id = runs.run_id
        and (leases.${openLease} or leases.watch_until > ?)
    )
    order by run_id`,
} as const;

/** Tables whose rows belong to one run and go with it. */
export const tablesOfRun = [
  "events",
  "effects",
  "locks",
  "wishes",
  "leases",
  "ledger",
  "runs",
] as const;

/** Removes all rows of one run from one table; one value: the run. */
export function deleteOfRun(table: (typeof tablesOfRun)[number]): string {
  return `delete from ${table} where run_id = ?`;
}

/** Runs, newest first. Values: since twice when asked for, then the limit when asked for. */
export function listRunsSql(by: {
  readonly active: boolean;
  readonly since: boolean;
  readonly limit: boolean;
}): string {
  const conditions = where([
    by.active && "settled_at is null",
    by.since && "(created_at >= ? or settled_at is null or settled_at >= ?)",
  ]);
  const limit = by.limit ? "limit ?" : "";
  return `select ${runColumns} from runs ${conditions} order by created_at desc, run_id desc ${limit}`;
}

/** Leases, oldest intent first. Values: the run, then the moment watched, each when asked for. */
export function listLeasesSql(by: {
  readonly run: boolean;
  readonly open: boolean | undefined;
  readonly watched: boolean;
}): string {
  const conditions = where([
    by.run && "run_id = ?",
    by.open === true && openLease,
    by.open === false && `not (${openLease})`,
    by.watched && "watch_until > ?",
  ]);
  return `select ${leaseColumns} from leases ${conditions} order by intended_at, lease_key`;
}

/** Closed charges, oldest first. Values: the run, then the moment, each when asked for. */
export function listLedgerSql(by: { readonly run: boolean; readonly since: boolean }): string {
  const conditions = where([by.run && "run_id = ?", by.since && "to_at >= ?"]);
  return `select ${ledgerColumns} from ledger ${conditions} order by from_at, lease_key, kind`;
}
