import type { Lease, Money, PlanMissing } from "@gpujob/spec";
import { GpujobError, toFailure } from "@gpujob/spec";
import type { LeaseRow, RunRow, Store } from "@gpujob/store";
import type { AuditLease, AuditReport } from "./gpujob.ts";
import type { ConfiguredPlatform } from "./platforms.ts";
import { readStored } from "@gpujob/engine";

type Wait = { readonly signal: AbortSignal };

/** No platform is waited for longer, in milliseconds. */
const sweepDeadlineMs = 30_000;

interface Sweep {
  readonly store: Store;
  readonly platforms: readonly ConfiguredPlatform[];
  readonly installation: string;
  readonly now: number;
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
  const rows = await sweep.store.listLeases({ open: true });
  const runs = new Map((await sweep.store.listRuns({})).map((row) => [row.runId, row]));
  const swept = await Promise.all(
    sweep.platforms.map((target) => sweepPlatform(sweep, target, wait)),
  );
  const seen = swept.flatMap((each) => ("found" in each ? each.found : []));
  const report = sortOut({ seen, rows, runs, now: sweep.now });
  const fixed = options.fix ? await fix(report.fixable, wait) : [];
  const released = new Set(fixed.map((each) => each.leaseId));
  const isLeft = (each: AuditLease): boolean => !released.has(each.leaseId);
  return {
    billing: report.billing.filter(isLeft),
    unconfirmed: report.unconfirmed.filter(isLeft),
    byHand: report.byHand,
    unknown: report.unknown.filter(isLeft),
    fixed,
    missing: swept.flatMap((each) => ("missing" in each ? [each.missing] : [])),
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
): Promise<{ readonly found: readonly Seen[] } | { readonly missing: PlanMissing }> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(sweepDeadlineMs)]);
    const leases = await target.platform.listLeases(
      { installation: sweep.installation },
      { signal: limit },
    );
    return { found: leases.map((lease) => ({ target, lease })) };
  } catch (error) {
    signal.throwIfAborted();
    const failure = toFailure(error);
    return { missing: { platform: target.name, reason: failure.message, failure } };
  }
}

interface Sorted {
  readonly billing: readonly AuditLease[];
  readonly unconfirmed: readonly AuditLease[];
  readonly byHand: readonly (AuditLease & { readonly endAt: string })[];
  readonly unknown: readonly AuditLease[];
  readonly fixable: readonly { readonly seen: Seen; readonly view: AuditLease }[];
}

function sortOut(input: {
  readonly seen: readonly Seen[];
  readonly rows: readonly LeaseRow[];
  readonly runs: ReadonlyMap<string, RunRow>;
  readonly now: number;
}): Sorted {
  const { seen, rows, runs, now } = input;
  const billing: AuditLease[] = [];
  const unknown: AuditLease[] = [];
  const fixable: { readonly seen: Seen; readonly view: AuditLease }[] = [];
  const seenKeys = new Set<string>();
  for (const each of seen) {
    const row = rows.find((known) => isSame(known, each));
    const runId = row?.runId ?? runOf(each.lease, runs);
    const run = runId === undefined ? undefined : runs.get(runId);
    if (row !== undefined) seenKeys.add(row.leaseKey);
    const isPast = each.lease.ownership !== undefined && each.lease.ownership.expires * 1000 < now;
    const isOver = run?.settledAt !== undefined;
    const view = viewSeen(
      each,
      runId,
      noteOf({ isKnown: run !== undefined, isOver, isPast, lease: each.lease }),
    );
    if (run === undefined) unknown.push(view);
    else if (each.lease.isBillable) billing.push(view);
    if (isPast || isOver) fixable.push({ seen: each, view });
  }
  const doubtful = rows.filter((row) => row.state === "unclear" || row.state === "releasing");
  return {
    billing,
    unknown,
    fixable,
    unconfirmed: doubtful
      .filter((row) => row.release === "api")
      .map((row) => viewRow(row, "its end is not proven")),
    byHand: rows
      .filter((row) => row.release === "by-hand" && row.state !== "intended")
      .map((row) => ({
        ...viewRow(row, "ended by hand only"),
        endAt: `the console of ${row.platform}`,
      })),
  };
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
  // Written with the row by the engine.
  const terms = readStored<{ readonly perHour: Money }>(row.terms);
  return {
    platform: row.platform,
    leaseId: row.leaseId ?? null,
    runId: row.runId,
    state: row.state,
    since: new Date(row.createdAt ?? row.intendedAt).toISOString(),
    pricePerHour: terms.perHour,
    note,
  };
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
        return { ...view, state, note: state === "released" ? "released" : "release asked for" };
      } catch (error) {
        signal.throwIfAborted();
        return { ...view, note: `release failed: ${toFailure(error).message}` };
      }
    }),
  );
}

/** Takes the user's word that a machine has ended: journaled as a wish, acted on by whoever drives its run. */
export async function vouch(store: Store, reference: string, now: number): Promise<LeaseRow> {
  const rows = await store.listLeases({});
  const row = rows.find((each) => each.leaseKey === reference || each.leaseId === reference);
  if (row === undefined) {
    throw new GpujobError("not_found", `There is no lease ${reference}.`, {
      hint: "gpujob audit lists them.",
    });
  }
  const run = await store.loadRun(row.runId);
  if (run?.settledAt === undefined) {
    await store.addWish({
      runId: row.runId,
      kind: "vouch",
      payload: JSON.stringify({ leaseKey: row.leaseKey }),
      at: now,
    });
  } else {
    await store.putLease({ ...row, state: "vouched", billedTo: row.billedTo ?? now });
  }
  return row;
}
