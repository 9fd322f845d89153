import type { Clock, Lease, PlanMissing } from "@gpujob/spec";
import { GpujobError, IncompleteListError, toFailure } from "@gpujob/spec";
import type { LeaseRow, RunRow, Store } from "@gpujob/store";
import type { AuditLease, AuditReport } from "./gpujob.ts";
import type { ConfiguredPlatform } from "./platforms.ts";
import { withoutName } from "./platforms.ts";
import { amendRun, readStored } from "@gpujob/engine";
import type { ByHandTerms } from "./by-hand.ts";
import { endAtOf, remindersOf, warningsOf } from "./by-hand.ts";

type Wait = { readonly signal: AbortSignal };

/** No platform is waited for longer, in milliseconds. */
const sweepDeadlineMs = 30_000;

interface Sweep {
  readonly store: Store;
  readonly platforms: readonly ConfiguredPlatform[];
  readonly installation: string;
  readonly clock: Clock;
  /** Name of this process for locks. */
  readonly owner: string;
}

/**
 * Sweeps every platform by ownership and holds what is there against what the store knows. With `fix`, releases what is
 * surely ours and has no reason to exist: machines past their deadline, and those of runs that are settled.
 */
export async function audit(
  sweep: Sweep,
  options: { readonly fix: boolean },
  wait: Wait,
): Promise<AuditReport> {
  const now = sweep.clock.now();
  const runs = new Map((await sweep.store.listRuns({})).map((row) => [row.runId, row]));
  const swept = await Promise.all(
    sweep.platforms.map((target) => sweepPlatform(sweep, target, wait)),
  );
  const seen = swept.flatMap(({ found }) => found);
  const byHand = await lookAfterByHand(sweep, runs, wait);
  const rows = await sweep.store.listLeases({ open: true });
  const missing = swept.flatMap((each) => each.missing ?? []);
  const whyUnseen = (platform: string): string | undefined => {
    if (!sweep.platforms.some(({ name }) => name === platform))
      return "its platform is not configured here: audit from the folder of its job, or with --config";
    return missing.some((each) => each.platform === platform)
      ? "its platform did not answer"
      : undefined;
  };
  const report = sortOut({ seen, rows, runs, now, whyUnseen });
  const fixed = options.fix ? await fix(report.fixable, wait) : [];
  const released = new Set(
    fixed.flatMap((each) => (each.state === "released" ? [each.leaseId] : [])),
  );
  const isLeft = (each: AuditLease): boolean => !released.has(each.leaseId);
  return {
    billing: report.billing.filter(isLeft),
    unconfirmed: report.unconfirmed.filter(isLeft),
    byHand: byHand.open,
    unknown: report.unknown.filter(isLeft),
    ...(byHand.reminders.length === 0 ? {} : { reminders: byHand.reminders }),
    fixed,
    missing,
  };
}

interface Seen {
  readonly target: ConfiguredPlatform;
  readonly lease: Lease;
}

async function sweepPlatform(
  sweep: Sweep,
  target: ConfiguredPlatform,
  { signal }: Wait,
): Promise<{ readonly found: readonly Seen[]; readonly missing?: PlanMissing }> {
  const see = (leases: readonly Lease[]): readonly Seen[] =>
    leases.map((lease) => ({ target, lease }));
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(sweepDeadlineMs)]);
    const leases = await target.platform.listLeases(
      { installation: sweep.installation },
      { signal: limit },
    );
    return { found: see(leases) };
  } catch (error) {
    signal.throwIfAborted();
    const failure = toFailure(error);
    const reason = withoutName(failure, target);
    // One machine that does not answer hides itself, not the others.
    const found = see(IncompleteListError.is(error) ? error.listed : []);
    return { found, missing: { platform: target.name, reason, failure } };
  }
}

interface Sorted {
  readonly billing: readonly AuditLease[];
  readonly unconfirmed: readonly AuditLease[];
  readonly unknown: readonly AuditLease[];
  readonly fixable: readonly { readonly seen: Seen; readonly view: AuditLease }[];
}

function sortOut(input: {
  readonly seen: readonly Seen[];
  readonly rows: readonly LeaseRow[];
  readonly runs: ReadonlyMap<string, RunRow>;
  readonly now: number;
  /** Why the machines of a platform could not be looked at; `undefined`: they were. */
  readonly whyUnseen: (platform: string) => string | undefined;
}): Sorted {
  const { seen, rows, runs, now, whyUnseen } = input;
  const billing: AuditLease[] = [];
  const unknown: AuditLease[] = [];
  const fixable: { readonly seen: Seen; readonly view: AuditLease }[] = [];
  const seenKeys = new Set<string>();
  for (const each of seen) {
    const row = rows.find((known) => isSame(known, each));
    const runId = row?.runId ?? runOf(each.lease, runs);
    const run = runId === undefined ? undefined : runs.get(runId);
    if (row !== undefined) seenKeys.add(row.leaseKey);
    // A machine in use is never past anything: its tag may still name the run that kept it before.
    const isInUse = row !== undefined && run !== undefined && run.settledAt === undefined;
    const expires = each.lease.ownership?.expires ?? Number.POSITIVE_INFINITY;
    const isByHand = each.target.capabilities.release === "by-hand";
    // One that nobody uses any more is its user's to end: there is nothing that we could release.
    const isTheirs = isByHand && each.lease.state !== "up";
    const isPast = !isInUse && !isTheirs && expires * 1000 < now;
    const isOver = run?.settledAt !== undefined && !isTheirs;
    const view = viewSeen(
      each,
      runId,
      noteOf({ isKnown: run !== undefined, isOver, isPast, lease: each.lease }),
    );
    if (run === undefined) unknown.push(view);
    else if (each.lease.isBillable && !isByHand) billing.push(view);
    if (isPast || isOver) fixable.push({ seen: each, view });
  }
  const unconfirmed = rows
    .filter((row) => row.release === "api")
    .flatMap((row) => {
      if (row.state === "unclear" || row.state === "releasing")
        return [viewRow(row, "its end is not proven")];
      const why = whyUnseen(row.platform);
      return why === undefined ? [] : [viewRow(row, why)];
    });
  return { billing, unknown, fixable, unconfirmed };
}

interface ByHandReport {
  readonly open: AuditReport["byHand"];
  readonly reminders: readonly string[];
}

/** Asks machines that only their user can end about themselves; closes the leases of those that have ended. */
async function lookAfterByHand(
  sweep: Sweep,
  runs: ReadonlyMap<string, RunRow>,
  wait: Wait,
): Promise<ByHandReport> {
  const now = sweep.clock.now();
  const all = (await sweep.store.listLeases({})).filter(({ release }) => release === "by-hand");
  const mayBill = all.filter(({ state }) => ["unclear", "held", "releasing"].includes(state));
  const looked = await Promise.all(mayBill.map((row) => lookAt(sweep, row, runs, wait)));
  const vouched = all.flatMap((row) =>
    row.state === "vouched" && row.billedTo !== undefined
      ? remindersOf(
          { platform: row.platform, leaseId: row.leaseId ?? row.leaseKey, terms: termsOf(row) },
          row.billedTo,
          now,
        )
      : [],
  );
  return { open: looked.flatMap((each) => each ?? []), reminders: vouched };
}

/** One open lease as its user must see it; `undefined`: it turned out to be over. */
async function lookAt(
  sweep: Sweep,
  row: LeaseRow,
  runs: ReadonlyMap<string, RunRow>,
  wait: Wait,
): Promise<AuditReport["byHand"][number] | undefined> {
  const isSettled = runs.get(row.runId)?.settledAt !== undefined;
  const answer = await askMachine(sweep, row, wait);
  if (typeof answer !== "string" && answer.state === "ended" && isSettled) {
    const at = sweep.clock.now();
    const isClosed = await amendRun(sweep, row.runId, {
      type: "lease-released",
      attempt: row.attempt,
      member: row.member,
      state: "gone",
      ...(answer.endedAt === undefined ? {} : { billedTo: Date.parse(answer.endedAt) }),
      looks: [{ at, what: "get", answer: "ended" }],
    });
    if (isClosed) return undefined;
  }
  const terms = termsOf(row);
  const open = { terms, ...(row.billedFrom === undefined ? {} : { billedFrom: row.billedFrom }) };
  const notes = [
    ...(isSettled ? ["Its run is over."] : ["In use."]),
    ...warningsOf(open, sweep.clock.now()),
    ...(typeof answer === "string" ? [answer] : []),
    `Once it has ended: gpujob audit --ended ${row.leaseId ?? row.leaseKey}.`,
  ];
  return { ...viewRow(row, notes.join(" ")), endAt: endAtOf(terms, row.platform) };
}

/** What the machine says of the lease, or why nothing is known. */
async function askMachine(sweep: Sweep, row: LeaseRow, { signal }: Wait): Promise<Lease | string> {
  const target = sweep.platforms.find(({ name }) => name === row.platform);
  if (target === undefined || row.leaseId === undefined) return "It cannot be asked from here.";
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(sweepDeadlineMs)]);
    const lease = await target.platform.getLease(row.leaseId, { signal: limit });
    return lease ?? "The machine knows nothing of it any more: it was set up anew.";
  } catch (error) {
    signal.throwIfAborted();
    return toFailure(error).message;
  }
}

function isSame(row: LeaseRow, { target, lease }: Seen): boolean {
  if (row.platform !== target.name) return false;
  return row.leaseId === lease.leaseId || row.leaseKey === lease.leaseKey;
}

/** A run of this store that the machine's own tag names. */
function runOf({ ownership }: Lease, runs: ReadonlyMap<string, RunRow>): string | undefined {
  const runId = ownership === undefined ? undefined : `r-${ownership.run}`;
  return runId !== undefined && runs.has(runId) ? runId : undefined;
}

function noteOf(facts: {
  readonly isKnown: boolean;
  readonly isOver: boolean;
  readonly isPast: boolean;
  readonly lease: Lease;
}): string {
  if (facts.lease.ownership === undefined && !facts.isKnown)
    return "carries our mark, but it cannot be read";
  if (facts.isPast) return "past its deadline: --fix releases it";
  if (facts.isOver) return "its run is over: --fix releases it";
  return facts.isKnown
    ? "in use"
    : "of our installation, but of a run that this home does not know";
}

function viewSeen({ target, lease }: Seen, runId: string | undefined, note: string): AuditLease {
  return {
    platform: target.name,
    leaseId: lease.leaseId,
    runId: runId ?? null,
    state: lease.state,
    since: lease.startedAt ?? null,
    pricePerHour: lease.pricePerHour ?? null,
    note,
  };
}

function viewRow(row: LeaseRow, note: string): AuditLease {
  return {
    platform: row.platform,
    leaseId: row.leaseId ?? null,
    runId: row.runId,
    state: row.state,
    since: new Date(row.billedFrom ?? row.createdAt ?? row.intendedAt).toISOString(),
    pricePerHour: termsOf(row).perHour,
    note,
  };
}

/** Written with the row by the engine. */
function termsOf(row: LeaseRow): ByHandTerms {
  return readStored<ByHandTerms>(row.terms);
}

async function fix(
  fixable: readonly { readonly seen: Seen; readonly view: AuditLease }[],
  { signal }: Wait,
): Promise<readonly AuditLease[]> {
  return Promise.all(
    fixable.map(async ({ seen, view }) => {
      const { platform } = seen.target;
      try {
        const { state } = await platform.releaseLease(seen.lease.leaseId, { signal });
        return { ...view, state, note: fixNote(state, seen.target) };
      } catch (error) {
        signal.throwIfAborted();
        return { ...view, note: `release failed: ${toFailure(error).message}` };
      }
    }),
  );
}

function fixNote(state: "released" | "releasing", { capabilities }: ConfiguredPlatform): string {
  if (state === "released") return "released";
  return capabilities.release === "by-hand"
    ? "given back; ending it is yours"
    : "release asked for";
}

/**
 * Takes the user's word that a machine has ended: journaled as a wish and acted on by whoever drives its run, or at once
 * where the run is over. One that is known to have ended stays as it is.
 */
export async function vouch(
  ports: { readonly store: Store; readonly clock: Clock; readonly owner: string },
  reference: string,
): Promise<LeaseRow> {
  const { store } = ports;
  const rows = await store.listLeases({});
  const row = rows.find((each) => each.leaseKey === reference || each.leaseId === reference);
  if (row === undefined) {
    throw new GpujobError("not_found", `There is no lease ${reference}.`, {
      hint: "gpujob audit lists them.",
    });
  }
  if (["gone", "never", "vouched"].includes(row.state)) return row;
  const run = await store.loadRun(row.runId);
  if (run?.settledAt === undefined) {
    await store.addWish({
      runId: row.runId,
      kind: "vouch",
      payload: JSON.stringify({ leaseKey: row.leaseKey }),
      at: ports.clock.now(),
    });
  } else if (
    !(await amendRun(ports, row.runId, { type: "lease-vouched", leaseKey: row.leaseKey }))
  ) {
    throw new GpujobError("unavailable", `${row.runId} is being written by another process.`, {
      hint: "Try again in a few seconds.",
    });
  }
  return row;
}
