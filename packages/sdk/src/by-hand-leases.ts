import { amendRun, deadline } from "@gpujob/engine";
import type { DriverEvent, EnginePlatform } from "@gpujob/engine";
import type { Clock, Lease } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import type { LeaseRow, RunRow, Store } from "@gpujob/store";
import { endAtOf, remindersOf, warningsOf } from "./by-hand.ts";
import type { AuditReport } from "./gpujob.ts";
import { termsOf, viewLease } from "./lease-rows.ts";

type Wait = { readonly signal: AbortSignal };

/** No machine is waited for longer, in milliseconds. */
const askDeadlineMs = 30_000;

/** What asking machines that only their user can end needs. */
export interface ByHandSight {
  readonly store: Store;
  readonly platforms: readonly EnginePlatform[];
  readonly clock: Clock;
  /** Name of this process for locks. */
  readonly owner: string;
}

interface ByHandReport {
  readonly open: AuditReport["byHand"];
  readonly reminders: readonly string[];
}

/** Asks machines that only their user can end about themselves; closes the leases of those that have ended. */
export async function lookAfterByHand(
  sight: ByHandSight,
  runs: ReadonlyMap<string, RunRow>,
  wait: Wait,
): Promise<ByHandReport> {
  const now = sight.clock.now();
  const all = (await sight.store.listLeases({})).filter(({ release }) => release === "by-hand");
  // One that was about to be taken when its run was called over may have been taken: only its user can tell.
  const mayBill = all.filter(
    ({ state, runId }) =>
      ["unclear", "held", "releasing"].includes(state) ||
      (state === "intended" && runs.get(runId)?.settledAt !== undefined),
  );
  const looked = await Promise.all(
    mayBill.map(async (row) => ({ row, answer: await askMachine(sight, row, wait) })),
  );
  const open: AuditReport["byHand"][number][] = [];
  // One after the other: two leases of one run are written into the same journal.
  for (const { row, answer } of looked) {
    const shown = await lookAt(sight, row, runs, answer);
    if (shown !== undefined) open.push(shown);
  }
  const vouched = all.flatMap((row) =>
    row.state === "vouched" && row.billedTo !== undefined
      ? remindersOf(
          { platform: row.platform, leaseId: row.leaseId ?? row.leaseKey, terms: termsOf(row) },
          row.billedTo,
          now,
        )
      : [],
  );
  return { open, reminders: vouched };
}

/** Which run took a machine that was rented by hand, if an event tells of that. */
export function takenByHand(
  event: DriverEvent,
): { readonly platform: string; readonly runId: string } | undefined {
  if (event.type !== "journal" || event.event.type !== "lease-created") return undefined;
  const { attempts, runId } = event.snapshot.context;
  const { candidate } = attempts[event.event.attempt - 1] ?? {};
  if (candidate?.capabilities.release !== "by-hand") return undefined;
  return { platform: candidate.offer.platform, runId };
}

/**
 * Closes the charges of runs that are over on a machine whose bill another run has taken over, as the machine tells it.
 * What it does not tell now, the next audit asks again.
 */
export async function closeTakenOver(
  sight: ByHandSight,
  taken: { readonly platform: string; readonly runId: string },
  wait: Wait,
): Promise<void> {
  const open = await sight.store.listLeases({ open: true });
  for (const row of open) {
    const isAnothers = row.platform === taken.platform && row.runId !== taken.runId;
    if (row.release !== "by-hand" || !isAnothers) continue;
    if ((await sight.store.loadRun(row.runId))?.settledAt === undefined) continue;
    await closeEnded(sight, row, await askMachine(sight, row, wait));
  }
}

/** Journals the end of a lease whose run is over; false when the machine does not say that it ended. */
async function closeEnded(
  sight: ByHandSight,
  row: LeaseRow,
  answer: Lease | string,
): Promise<boolean> {
  if (typeof answer === "string" || answer.state !== "ended") return false;
  const at = sight.clock.now();
  return amendRun(sight, row.runId, {
    type: "lease-released",
    attempt: row.attempt,
    member: row.member,
    state: "gone",
    ...(answer.endedAt === undefined ? {} : { billedTo: Date.parse(answer.endedAt) }),
    looks: [{ at, what: "get", answer: "ended" }],
  });
}

/** One open lease as its user must see it; `undefined`: it turned out to be over. */
async function lookAt(
  sight: ByHandSight,
  row: LeaseRow,
  runs: ReadonlyMap<string, RunRow>,
  answer: Lease | string,
): Promise<AuditReport["byHand"][number] | undefined> {
  const isSettled = runs.get(row.runId)?.settledAt !== undefined;
  if (isSettled && (await closeEnded(sight, row, answer))) return undefined;
  const terms = termsOf(row);
  const open = { terms, ...(row.billedFrom === undefined ? {} : { billedFrom: row.billedFrom }) };
  const notes = [
    ...(isSettled ? ["Its run is over."] : ["In use."]),
    ...warningsOf(open, sight.clock.now()),
    ...(typeof answer === "string" ? [answer] : []),
    `Once it has ended: gpujob audit --ended ${row.leaseId ?? row.leaseKey}.`,
  ];
  return { ...viewLease(row, notes.join(" ")), endAt: endAtOf(terms, row.platform) };
}

/** What the machine says of the lease, or why nothing is known. */
async function askMachine(
  sight: ByHandSight,
  row: LeaseRow,
  { signal }: Wait,
): Promise<Lease | string> {
  const target = sight.platforms.find(({ name }) => name === row.platform);
  if (target === undefined || row.leaseId === undefined) return "It cannot be asked from here.";
  const limit = deadline(sight.clock, signal, askDeadlineMs);
  try {
    const lease = await target.platform.getLease(row.leaseId, { signal: limit.signal });
    return lease ?? "The machine knows nothing of it any more: it was set up anew.";
  } catch (error) {
    signal.throwIfAborted();
    return toFailure(error).message;
  } finally {
    limit.clear();
  }
}
