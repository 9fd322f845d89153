import { GpujobError } from "@gpujob/spec";
import type { ChargeKind, Experience, Money, RunState } from "@gpujob/spec";

/** One submission as the store keeps it. JSON columns are text: the store never looks inside. */
export interface RunRow {
  readonly runId: string;
  readonly name: string;
  readonly state: RunState;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** When the run reached its last state; absent: it is still going on. */
  readonly settledAt?: number;
  /** The machine's snapshot, as JSON. */
  readonly snapshot: string;
  readonly snapshotVersion: number;
  /** Number of the last event that the snapshot contains; 0 before the first. */
  readonly seq: number;
  /** Everything fixed at submit (job, rates, offers seen, tokens of ownership), as JSON. */
  readonly submission: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
}

export interface NewRun extends Omit<RunRow, "seq" | "settledAt" | "idempotencyKey"> {
  /** The same key with the same hash answers with the run that exists; with another hash it is refused. */
  readonly idempotency?: { readonly key: string; readonly contentHash: string };
  readonly effects: readonly NewEffect[];
}

export interface EventRow {
  readonly runId: string;
  /** From 1, without gaps. */
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Noun-verb, such as `lease-created`. */
  readonly type: string;
  /** The whole event as JSON; carries no secret. */
  readonly data: string;
}

/** Something to be done outside the store, written before it is done. A timer is one with a due time. */
export interface NewEffect {
  /** Unique among the unfinished effects of a run: `create-lease:2:0`. A second one with the same key replaces the first. */
  readonly key: string;
  readonly kind: string;
  readonly payload: string;
  /** Epoch milliseconds; not before. */
  readonly dueAt: number;
}

export interface EffectRow extends NewEffect {
  readonly runId: string;
  readonly effectId: string;
  readonly createdAt: number;
  /** How often it was begun, across drivers. More than 0 on resume: its outcome may be unclear. */
  readonly tries: number;
}

/** Facts about one lease, as the driver learnt them: what audit, receipt and ledger are made from. */
export interface LeaseRow {
  readonly leaseKey: string;
  readonly runId: string;
  readonly attempt: number;
  readonly member: number;
  readonly platform: string;
  readonly offerId: string;
  readonly release: "api" | "owned" | "by-hand";
  /** `intended`: about to be created. `unclear`: may exist. `held`: exists. `releasing`. `gone`: proven. `never`: proven that it never existed. `vouched`: the user's word. */
  readonly state: "intended" | "unclear" | "held" | "releasing" | "gone" | "never" | "vouched";
  readonly leaseId?: string;
  /** Price, billing rule, discount and rate locked for this lease, as JSON. */
  readonly terms: string;
  readonly intendedAt: number;
  readonly createdAt?: number;
  /** When billing began and ended, by the platform's word where it has one, epoch milliseconds. */
  readonly billedFrom?: number;
  readonly billedTo?: number;
  /** Epoch milliseconds until which the sweep must look for this key. */
  readonly watchUntil?: number;
  /** Every look and answer on the way to `gone`, as JSON lines of the receipt. */
  readonly proof: string;
}

/** One closed charge, written once per lease, kind and start. */
export interface LedgerRow {
  readonly leaseKey: string;
  readonly runId: string;
  readonly attempt: number;
  readonly platform: string;
  readonly leaseId: string;
  readonly kind: ChargeKind;
  readonly from: number;
  readonly to: number;
  readonly billedSeconds: number;
  readonly amount: Money;
}

export interface LockRow {
  readonly runId: string;
  readonly owner: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly epoch: number;
}

/** A user's word to a running driver, written before anything is done about it. */
export interface WishRow {
  readonly wishId: number;
  readonly runId: string;
  readonly kind: string;
  readonly payload: string;
  readonly at: number;
}

export interface Commit {
  readonly runId: string;
  /** Refused (`StaleEpochError`) when the lock has a higher one, or is not held by this one. */
  readonly epoch: number;
  /** The seq that the snapshot was loaded with; refused when another event came first. */
  readonly expectedSeq: number;
  readonly at: number;
  readonly event: { readonly type: string; readonly data: string };
  readonly snapshot: string;
  readonly state: RunState;
  readonly settledAt?: number;
  readonly addEffects: readonly NewEffect[];
  /** Effects that are done with this event. */
  readonly finishEffects: readonly string[];
  /** Keys, or prefixes ending in `*`, of unfinished effects that no longer matter. */
  readonly cancelEffects: readonly string[];
  readonly leases: readonly LeaseRow[];
  readonly ledger: readonly LedgerRow[];
  readonly consumeWishes: readonly number[];
  /** Places that later runs avoid as well. */
  readonly exclusions?: readonly ExclusionRow[];
  /** What its leases told of their places; of two with one lease key the later stays. */
  readonly experiences?: readonly Experience[];
}

/** What a commit has written. */
export interface CommitResult {
  /** Number of its event. */
  readonly seq: number;
  /** The effects that it added, as `listEffects` shows them. */
  readonly added: readonly EffectRow[];
}

export interface RunFilter {
  /** Only those that are not settled. */
  readonly active?: boolean;
  readonly limit?: number;
  /** Epoch milliseconds; created or still going on since. */
  readonly since?: number;
}

/** Which experiences are read. */
export interface ExperienceFilter {
  /** Epoch milliseconds; asked for at or after. */
  readonly since: number;
  readonly limit: number;
  /** Only of this kind of machine. */
  readonly of?: { readonly platform: string; readonly instanceType: string };
}

/** A learnt host identity, bound to one lease (or one owned host) and boot. */
export interface PinRow {
  readonly scope: string;
  readonly fingerprint: string;
  readonly at: number;
}

/** A place that runs avoid for a while. */
export interface ExclusionRow {
  readonly scopeKey: string;
  readonly reason: string;
  readonly until: number;
}

/**
 * The memory of one installation. All writes of one call are one transaction; nothing is written half.
 * Throws `GpujobError` of kind `store` with the file and the next step for a full disk, a locked, damaged, newer or
 * unsafe file. Methods are promises so that a server database fits behind the same face.
 */
export interface Store {
  /** Identity of this file, made once; a restored copy has the same id and lower epochs. */
  readonly storeId: string;

  createRun(run: NewRun): Promise<{ readonly runId: string; readonly isNew: boolean }>;
  loadRun(runId: string): Promise<RunRow | undefined>;
  /** Newest first. */
  listRuns(filter: RunFilter): Promise<readonly RunRow[]>;
  /** By id, unique id prefix or name; newest first. Several: the caller decides. */
  findRuns(reference: string): Promise<readonly RunRow[]>;

  listEvents(runId: string, sinceSeq?: number): Promise<readonly EventRow[]>;
  /** Unfinished effects, oldest first. */
  listEffects(runId: string): Promise<readonly EffectRow[]>;
  /** Notes that an effect is about to be done; false when it is finished, cancelled or the epoch is stale. */
  beginEffect(effectId: string, epoch: number, at: number): Promise<boolean>;
  commit(commit: Commit): Promise<CommitResult>;

  /** Takes the lock when it is free, expired or already this owner's; the epoch rises at each change of owner. */
  takeLock(runId: string, owner: string, ttlMs: number, now: number): Promise<LockRow | undefined>;
  renewLock(lock: LockRow, ttlMs: number, now: number): Promise<LockRow | undefined>;
  releaseLock(lock: LockRow): Promise<void>;
  readLock(runId: string): Promise<LockRow | undefined>;
  /** Raises the epoch above `minimum`, after a restored backup met a newer host. */
  raiseEpoch(runId: string, minimum: number): Promise<void>;

  addWish(wish: Omit<WishRow, "wishId">): Promise<void>;
  listWishes(runId: string): Promise<readonly WishRow[]>;

  listLeases(filter: {
    readonly runId?: string;
    readonly open?: boolean;
    readonly watchedAt?: number;
  }): Promise<readonly LeaseRow[]>;
  /** Outside a run's commit: for the sweep and `audit --ended`. */
  putLease(lease: LeaseRow): Promise<void>;
  listLedger(filter: {
    readonly runId?: string;
    readonly since?: number;
  }): Promise<readonly LedgerRow[]>;

  readPin(scope: string): Promise<PinRow | undefined>;
  putPin(pin: PinRow): Promise<void>;
  listExclusions(now: number): Promise<readonly ExclusionRow[]>;
  putExclusion(exclusion: ExclusionRow): Promise<void>;
  /** Ends an exclusion before its time. */
  dropExclusion(scopeKey: string): Promise<void>;

  /** Outside a run's commit: for what is learnt of a lease afterwards, such as the platform's own bill. */
  putExperience(experience: Experience): Promise<void>;
  /** What leases told of their places, newest first; they outlive their runs. */
  listExperiences(filter: ExperienceFilter): Promise<readonly Experience[]>;

  /** Small named values: the installation's id, notices already shown. */
  readValue(name: string): Promise<string | undefined>;
  putValue(name: string, value: string): Promise<void>;
  /** Writes the value only when there is none; answers with what is there afterwards. */
  ensureValue(name: string, value: string): Promise<string>;

  /** Removes settled runs older than this with all that belongs to them; keeps every open lease. */
  prune(before: number): Promise<{ readonly runs: number }>;
  /** Reads the whole file and says what is wrong with it, one sentence each; empty: nothing. For `doctor`. */
  inspect(): Promise<readonly string[]>;
  /** Lets go of the file. Calls that still wait, and later ones, are refused; a second close does nothing. */
  close(): Promise<void>;
}

/** A commit, renewal or command by a driver that is no longer the one. Its process must let go of the run. */
export class StaleEpochError extends Error {
  constructor(runId: string) {
    super(`Another driver has taken over ${runId}.`);
    this.name = "StaleEpochError";
  }
}

/** The file was deleted, or another one took its place, while it was open: this process can write nothing any more. */
export class StoreGoneError extends GpujobError {
  constructor(path: string) {
    super("store", `The store ${path} was deleted or replaced while gpujob was using it.`, {
      hint: "What this process had open is written no more. Start the command again; if the file was deleted by mistake, run `gpujob audit` to find every machine by its tag.",
    });
    this.name = "StoreGoneError";
  }
}
