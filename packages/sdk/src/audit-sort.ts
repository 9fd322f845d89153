import type { EnginePlatform } from "@gpujob/engine";
import type { Lease } from "@gpujob/spec";
import type { LeaseRow, RunRow } from "@gpujob/store";
import type { AuditLease } from "./gpujob.ts";
import { viewLease } from "./lease-rows.ts";

/** A lease as its platform showed it. */
export interface SeenLease {
  readonly target: EnginePlatform;
  readonly lease: Lease;
}

/** What a sweep found, by what it means to its user. */
export interface SortedLeases {
  readonly billing: readonly AuditLease[];
  readonly unconfirmed: readonly AuditLease[];
  readonly unknown: readonly AuditLease[];
  readonly fixable: readonly { readonly seen: SeenLease; readonly view: AuditLease }[];
}

/** Holds what the platforms show against what the store knows. */
export function sortLeases(input: {
  readonly seen: readonly SeenLease[];
  readonly rows: readonly LeaseRow[];
  readonly runs: ReadonlyMap<string, RunRow>;
  readonly now: number;
  /** Why the machines of a platform could not be looked at; `undefined`: they were. */
  readonly whyUnseen: (platform: string) => string | undefined;
}): SortedLeases {
  const { seen, rows, runs, now, whyUnseen } = input;
  const billing: AuditLease[] = [];
  const unknown: AuditLease[] = [];
  const fixable: { readonly seen: SeenLease; readonly view: AuditLease }[] = [];
  for (const each of seen) {
    const row = rows.find((known) => isSame(known, each));
    const runId = row?.runId ?? runOf(each.lease, runs);
    const run = runId === undefined ? undefined : runs.get(runId);
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
        return [viewLease(row, "its end is not proven")];
      const why = whyUnseen(row.platform);
      return why === undefined ? [] : [viewLease(row, why)];
    });
  return { billing, unknown, fixable, unconfirmed };
}

function isSame(row: LeaseRow, { target, lease }: SeenLease): boolean {
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

function viewSeen(
  { target, lease }: SeenLease,
  runId: string | undefined,
  note: string,
): AuditLease {
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
