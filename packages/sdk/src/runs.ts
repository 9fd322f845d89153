import { convertMoney } from "@gpujob/catalog";
import type { RunEvent as JournalEvent, Snapshot, Submission } from "@gpujob/engine";
import { placeEnvironment, viewRun } from "@gpujob/engine";
import type { RunView } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { LeaseRow, RunRow, Store } from "@gpujob/store";
import type { CostReport, ReceiptEntry, RunDetail } from "./gpujob.ts";
import { notesOfRun } from "./by-hand.ts";
import { keptUntil, sayKept } from "./kept-until.ts";
import { ledgerLines } from "./ledger-lines.ts";
import { isOwnerAlive } from "./owner.ts";
import { toTimelineEntry } from "./timeline.ts";
import { readStored } from "@gpujob/engine";

/** A stored run as users see it at a time in epoch milliseconds. */
export function toRunView(row: RunRow, now: number): RunView {
  const snapshot = snapshotOf(row);
  const notes = notesOfRun(snapshot.context, now);
  const view = viewRun({
    submission: submissionOf(row),
    snapshot,
    now,
    ...(row.settledAt === undefined ? {} : { settledAt: row.settledAt }),
  });
  return notes.length === 0 ? view : { ...view, notes: [...notes, ...(view.notes ?? [])] };
}

/** Written by this program or an older one, which migrations keep readable. */
export function submissionOf(row: RunRow): Submission {
  return readStored<Submission>(row.submission);
}

export function snapshotOf(row: RunRow): Snapshot {
  return readStored<Snapshot>(row.snapshot);
}

/**
 * The run that a reference means: an id, a unique prefix of one, or a name; none given: the newest. A name means its
 * newest for reading; `unique` wants exactly one. Throws `not_found`, or `usage` that lists the matches.
 */
export async function findRun(
  store: Store,
  reference: string | undefined,
  mode: "newest" | "unique" = "newest",
): Promise<RunRow> {
  if (reference === undefined) return newestRun(store, mode);
  const found = await store.findRuns(reference);
  const exact = found.find((row) => row.runId === reference);
  if (exact !== undefined) return exact;
  const [first] = found;
  if (first === undefined) {
    throw new GpujobError("not_found", `There is no run ${reference}.`, {
      hint: "gpujob ps -a lists all runs.",
    });
  }
  const isName = found.every((row) => row.name === reference);
  if (found.length === 1 || (isName && mode === "newest")) return first;
  const open = found.filter((row) => row.settledAt === undefined);
  const [only] = open;
  if (isName && open.length === 1 && only !== undefined) return only;
  throw manyMatch(reference, isName && open.length > 0 ? open : found, isName);
}

/** A prefix can be made longer; a name cannot. */
function manyMatch(reference: string, found: readonly RunRow[], isName: boolean): GpujobError {
  const ids = found.map((row) => row.runId).join(", ");
  if (!isName) {
    return new GpujobError("usage", `${reference} means ${found.length} runs: ${ids}.`, {
      hint: "Give more of the id.",
    });
  }
  const isOver = found.every((row) => row.settledAt !== undefined);
  const state = isOver ? "All of them are over" : "They are going on";
  return new GpujobError(
    "usage",
    `${found.length} runs are named ${reference}: ${ids}. ${state}; the newest is ${found[0]?.runId}.`,
    { hint: "Name one by its id." },
  );
}

async function newestRun(store: Store, mode: "newest" | "unique"): Promise<RunRow> {
  const rows = await store.listRuns(mode === "newest" ? { limit: 1 } : { active: true });
  const [first] = rows;
  if (first === undefined) {
    const what = mode === "newest" ? "There is no run yet." : "No run is going on.";
    throw new GpujobError("not_found", what, { hint: "gpujob submit train.yaml starts one." });
  }
  if (mode === "unique" && rows.length > 1) {
    throw new GpujobError(
      "usage",
      `${rows.length} runs are going on: ${rows.map((row) => row.runId).join(", ")}.`,
      {
        hint: "Name one of them.",
      },
    );
  }
  return first;
}

/** All of a run but its last beat, which is kept in a file. */
export async function showRun(
  store: Store,
  row: RunRow,
  now: number,
): Promise<Omit<RunDetail, "lastBeat">> {
  const [events, lock] = await Promise.all([
    store.listEvents(row.runId),
    store.readLock(row.runId),
  ]);
  const snapshot = snapshotOf(row);
  const { context } = snapshot;
  const timeline = events
    .flatMap((event) => toTimelineEntry(event) ?? [])
    // A queue asks every half minute: what it hears is shown once until something else is heard.
    .filter(
      ({ type, message }, index, all) =>
        type !== "plan-made" || all[index - 1]?.message !== message,
    );
  const journal = events.map((event) => readStored<JournalEvent>(event.data));
  const kept = keptUntil(submissionOf(row), snapshot, journal);
  const view = toRunView(row, now);
  const notes = [
    ...(kept === undefined ? [] : [sayKept(kept, row.runId)]),
    ...environmentNotes(submissionOf(row), snapshot),
  ];
  return {
    ...view,
    ...(notes.length === 0 ? {} : { notes: [...(view.notes ?? []), ...notes] }),
    outputFolder: submissionOf(row).outputFolder,
    timeline,
    driver:
      lock === undefined || lock.expiresAt <= now
        ? null
        : { owner: lock.owner, alive: isOwnerAlive(lock.owner) ?? true },
    checkpoint:
      context.checkpoint === undefined
        ? null
        : {
            at: new Date(context.checkpoint.at).toISOString(),
            files: context.checkpoint.files,
            bytes: context.checkpoint.bytes,
          },
  };
}

/** What the place of the newest attempt gave to the job. */
function environmentNotes(submission: Submission, { context }: Snapshot): readonly string[] {
  const offer = context.attempts.at(-1)?.candidate.offer;
  if (offer === undefined) return [];
  const set = Object.entries(placeEnvironment(submission.job, offer));
  if (set.length === 0) return [];
  const text = set.map(([name, value]) => `${name}=${value}`).join(" ");
  return [`Set for the job on ${offer.platform}: ${text} (mirrors: none leaves it out).`];
}

/** For each create: what was meant, what the platform made, how its end was seen. From the journal and its facts. */
export async function readReceipt(store: Store, row: RunRow): Promise<readonly ReceiptEntry[]> {
  const [leases, events] = await Promise.all([
    store.listLeases({ runId: row.runId }),
    store.listEvents(row.runId),
  ]);
  const journal = events.map((event) => readStored<JournalEvent>(event.data));
  return leases.map((lease) => toReceipt(lease, journal));
}

function toReceipt(lease: LeaseRow, journal: readonly JournalEvent[]): ReceiptEntry {
  const looks = journal.flatMap((event) =>
    event.type === "lease-released" &&
    event.attempt === lease.attempt &&
    event.member === lease.member
      ? event.looks
      : [],
  );
  return {
    attempt: lease.attempt,
    member: lease.member,
    platform: lease.platform,
    offerId: lease.offerId,
    leaseKey: lease.leaseKey,
    leaseId: lease.leaseId ?? null,
    state: lease.state,
    intendedAt: isoTime(lease.intendedAt),
    createdAt: isoOrNull(lease.createdAt),
    billedFrom: isoOrNull(lease.billedFrom),
    billedTo: isoOrNull(lease.billedTo),
    looks: looks.map((look) => ({ ...look, at: isoTime(look.at) })),
  };
}

export async function costOf(
  store: Store,
  filter: { readonly since?: number; readonly runId?: string },
  options: { readonly now: number; readonly currency: string },
): Promise<CostReport> {
  const rows = await store.listRuns(filter.since === undefined ? {} : { since: filter.since });
  const wanted = rows.filter((row) => filter.runId === undefined || row.runId === filter.runId);
  const charges = wanted.map((row) => {
    const submission = submissionOf(row);
    return {
      rates: submission.rates,
      lines: ledgerLines(submission, snapshotOf(row).context, options.now),
    };
  });
  // Each run's money is converted with the rates that were locked into it.
  const micros = charges.flatMap(({ rates, lines }) =>
    lines.map((line) => convertMoney(line.amount, options.currency, rates).micros),
  );
  return {
    total: { currency: options.currency, micros: micros.reduce((sum, each) => sum + each, 0) },
    lines: charges.flatMap((each) => each.lines),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms);
}
