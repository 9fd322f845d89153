/** Marks a file as ours in its header, so that no other program's database is taken for a store: "gpuj". */
export const applicationId = 0x67_70_75_6a;

/** One step forward of the file's layout. Steps are only ever added; a published one never changes. */
export interface Migration {
  /** The version of the layout after this step. */
  readonly version: number;
  readonly statements: readonly string[];
}

/**
 * All steps, oldest first. Times are epoch milliseconds; `text` and `bigint` mean the same in every dialect that
 * is planned. The only word of SQLite's own is `autoincrement`.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `create table settings (
        name text primary key,
        value text not null
      )`,
      `create table runs (
        run_id text primary key,
        name text not null,
        state text not null,
        created_at bigint not null,
        settled_at bigint,
        snapshot text not null,
        snapshot_version bigint not null,
        seq bigint not null,
        submission text not null,
        labels text not null,
        idempotency_key text unique,
        content_hash text
      )`,
      `create index runs_by_age on runs (created_at desc, run_id desc)`,
      `create index runs_by_name on runs (name)`,
      `create index runs_unsettled on runs (created_at desc, run_id desc) where settled_at is null`,
      `create table events (
        run_id text not null,
        seq bigint not null,
        at bigint not null,
        type text not null,
        data text not null,
        primary key (run_id, seq)
      )`,
      `create table effects (
        effect_id text primary key,
        run_id text not null,
        effect_key text not null,
        kind text not null,
        payload text not null,
        due_at bigint not null,
        created_at bigint not null,
        seq bigint not null,
        position bigint not null,
        tries bigint not null,
        unique (run_id, effect_key)
      )`,
      `create table locks (
        run_id text primary key,
        owner text,
        expires_at bigint not null,
        epoch bigint not null
      )`,
      `create table wishes (
        wish_id integer primary key autoincrement,
        run_id text not null,
        kind text not null,
        payload text not null,
        at bigint not null
      )`,
      `create index wishes_by_run on wishes (run_id, wish_id)`,
      `create table leases (
        lease_key text primary key,
        run_id text not null,
        attempt bigint not null,
        member bigint not null,
        platform text not null,
        offer_id text not null,
        release_mode text not null,
        state text not null,
        lease_id text,
        terms text not null,
        intended_at bigint not null,
        created_at bigint,
        billed_from bigint,
        billed_to bigint,
        watch_until bigint,
        proof text not null
      )`,
      `create index leases_by_run on leases (run_id, attempt, member)`,
      `create index leases_open on leases (intended_at)
        where state not in ('gone', 'never', 'vouched')`,
      `create index leases_watched on leases (watch_until) where watch_until is not null`,
      `create table ledger (
        lease_key text not null,
        kind text not null,
        from_at bigint not null,
        to_at bigint not null,
        run_id text not null,
        attempt bigint not null,
        platform text not null,
        lease_id text not null,
        billed_seconds bigint not null,
        currency text not null,
        micros bigint not null,
        primary key (lease_key, kind, from_at)
      )`,
      `create index ledger_by_run on ledger (run_id, from_at)`,
      `create index ledger_by_end on ledger (to_at)`,
      `create table pins (
        scope text primary key,
        fingerprint text not null,
        at bigint not null
      )`,
      `create table exclusions (
        scope_key text primary key,
        reason text not null,
        until_at bigint not null
      )`,
    ],
  },
  {
    version: 2,
    statements: [
      `create table experiences (
        lease_key text primary key,
        platform text not null,
        instance_type text not null,
        at bigint not null,
        facts text not null
      )`,
      `create index experiences_by_place on experiences (platform, instance_type, at desc)`,
      `create index experiences_by_age on experiences (at desc)`,
      // Boot times were kept by themselves before.
      `delete from settings where substr(name, 1, 5) = 'boot/'`,
    ],
  },
];
