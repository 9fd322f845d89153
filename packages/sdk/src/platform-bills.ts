import { convertMoney } from "@gpujob/catalog";
import { deadline } from "@gpujob/engine";
import type { Charge, Clock, Experience, LedgerLine, Money, PlatformBill } from "@gpujob/spec";
import type { LedgerRow, Store } from "@gpujob/store";
import type { BillDifference } from "./gpujob.ts";
import type { Platforms } from "./platforms.ts";
import { submissionOf } from "./runs.ts";
import type { SetUp, Workshop } from "./workshop.ts";

/** Platforms write their bills a while after the end. */
const settleMs = 15 * 60_000;
/** A bill that ends before its machine did is waited for so long, and then taken as it is. */
const lateMs = 2 * 24 * 3_600_000;
/** Older leases are not asked about any more; longer than any usual term. */
const memoryMs = 35 * 24 * 3_600_000;
/** In one go: who waits for an answer of gpujob does not notice it. The rest is asked next time. */
const most = { leases: 20, ms: 1500, remembered: 1000 };

/** Clocks and the moments at which a bill begins and ends differ by so much. */
const slackSeconds = 60;
/** Rounding of each of many charges. */
const slackShare = 0.01;

interface BillReader {
  readonly store: Store;
  readonly platforms: Pick<Platforms, "get">;
  readonly clock: Clock;
}

/** A machine that is gone, what was counted of it, and what is known of its place. */
interface EndedLease {
  readonly platform: string;
  readonly leaseId: string;
  readonly endedAt: number;
  readonly rows: readonly LedgerRow[];
  readonly experience: Experience;
}

/**
 * Asks platforms that can tell for their own bills of machines that ended a while ago, and keeps with each lease what they
 * say. A lease is asked about until its bill is whole. Never throws and never takes long: whatever fails, or is not
 * answered in time, is asked again at the next call.
 */
export async function readPlatformBills(
  reader: BillReader,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const limit = deadline(reader.clock, signal, most.ms);
  try {
    const waiting = Object.groupBy(await findEnded(reader), ({ platform }) => platform);
    await Promise.allSettled(
      Object.entries(waiting).map(async ([name, leases = []]) =>
        askPlatform(reader, name, leases, limit),
      ),
    );
  } catch {
    // Bills are a check on what is counted here; nobody who asked for something else learns of their failures.
  } finally {
    limit.clear();
  }
}

/** The same beside a run that goes on; who closes the workshop waits until what was read is written. */
export async function readBillsBeside(workshop: Workshop, { platforms }: SetUp): Promise<void> {
  const { signal } = new AbortController();
  const store = await workshop.store();
  const reading = readPlatformBills({ store, platforms, clock: workshop.around.clock }, { signal });
  void reading.then(workshop.onClose(() => reading));
}

async function askPlatform(
  reader: BillReader,
  name: string,
  leases: readonly EndedLease[],
  wait: { readonly signal: AbortSignal },
): Promise<void> {
  const { platform, capabilities } = await reader.platforms.get(name);
  if (!capabilities.charges || platform.readCharges === undefined) return;
  for (const lease of leases.slice(0, most.leases)) {
    wait.signal.throwIfAborted();
    // One that cannot be answered hides none of the others.
    const charges = await platform.readCharges(lease.leaseId, wait).catch(() => []);
    if (!isWhole(charges, lease, reader.clock.now())) continue;
    const learnt = await compare(reader.store, lease, charges);
    if (learnt !== undefined) await reader.store.putExperience(learnt);
  }
}

/** Nothing is changed by a run any more: of all of these the runs are settled, and the machine is proven gone. */
async function findEnded({ store, clock }: BillReader): Promise<readonly EndedLease[]> {
  const now = clock.now();
  const since = now - memoryMs;
  const known = new Map(
    (await store.listExperiences({ since, limit: most.remembered })).map((one) => [
      one.leaseKey,
      one,
    ]),
  );
  if ([...known.values()].every(({ bill }) => bill !== undefined)) return [];
  const unsettled = new Set((await store.listRuns({ active: true })).map(({ runId }) => runId));
  const open = new Set((await store.listLeases({ open: true })).map(leaseOf));
  const ledger = await store.listLedger({ since });
  // A kept machine is in the ledger of each run that used it, and has one bill.
  const groups = Object.values(Object.groupBy(ledger, leaseOf)).flatMap((rows = []) => {
    const [first] = rows;
    const experience = rows.flatMap(({ leaseKey }) => known.get(leaseKey) ?? [])[0];
    if (first === undefined || experience === undefined || experience.bill !== undefined) return [];
    const endedAt = Math.max(...rows.map(({ to }) => to));
    const { platform, leaseId } = first;
    return [{ platform, leaseId, endedAt, rows, experience }];
  });
  return groups
    .filter(({ endedAt }) => endedAt <= now - settleMs)
    .filter((lease) => !open.has(leaseOf(lease)))
    .filter(({ rows }) => !rows.some(({ runId }) => unsettled.has(runId)))
    .toSorted((one, other) => other.endedAt - one.endedAt);
}

function leaseOf(lease: { readonly platform: string; readonly leaseId?: string }): string {
  return `${lease.platform}\t${lease.leaseId ?? ""}`;
}

function isWhole(charges: readonly Charge[], { endedAt }: EndedLease, now: number): boolean {
  if (charges.length === 0) return false;
  const until = Math.max(...charges.map(({ to }) => Date.parse(to)));
  return until >= endedAt - slackSeconds * 1000 || now - endedAt > lateMs;
}

/** What is known of the lease with its bill; `undefined`: its run is not there any more. */
async function compare(
  store: Store,
  { leaseId, rows, experience }: EndedLease,
  charges: readonly Charge[],
): Promise<Experience | undefined> {
  const [first] = rows;
  const run = first === undefined ? undefined : await store.loadRun(first.runId);
  if (run === undefined) return undefined;
  const { currency, rates } = submissionOf(run);
  const sum = (parts: readonly { readonly amount: Money }[]): Money => ({
    currency,
    micros: parts.reduce(
      (total, { amount }) => total + convertMoney(amount, currency, rates).micros,
      0,
    ),
  });
  const computeRows = rows.filter(({ kind }) => kind === "compute");
  const computeCharges = charges.filter(({ kind }) => kind === "compute");
  const counted = { all: sum(rows), compute: sum(computeRows) };
  const billed = { all: sum(charges), compute: sum(computeCharges) };
  const seconds = computeRows.reduce((total, { billedSeconds }) => total + billedSeconds, 0);
  const slack = seconds === 0 ? 0 : (counted.compute.micros / seconds) * slackSeconds;
  const bill: PlatformBill = {
    leaseId,
    amount: billed.all,
    counted: counted.all,
    ...(isOff(billed.all, counted.all, slack) ? { isOff: true } : {}),
  };
  // What one of several runs was quoted is no measure for the bill of all of them.
  const isOfOneRun = new Set(rows.map(({ runId }) => runId)).size === 1;
  if (!isOfOneRun || computeRows.length === 0 || computeCharges.length === 0)
    return { ...experience, bill };
  return {
    ...experience,
    bill: { ...bill, isCompared: true },
    quoted: experience.quoted ?? counted.compute,
    // Seconds more or less are no matter of the price.
    billed: isOff(billed.compute, counted.compute, slack) ? billed.compute : counted.compute,
  };
}

function isOff(billed: Money, counted: Money, slackMicros: number): boolean {
  const tolerated = Math.max(slackMicros, counted.micros * slackShare);
  return Math.abs(billed.micros - counted.micros) > tolerated;
}

/** Of which of these charges the platform's own bill is another; each machine once. */
export async function findDifferences(
  store: Store,
  lines: readonly LedgerLine[],
): Promise<readonly BillDifference[]> {
  if (lines.length === 0) return [];
  const first = new Map(lines.map((line) => [leaseOf(line), line] as const).toReversed());
  const since = Math.min(...lines.map(({ from }) => Date.parse(from))) - memoryMs;
  const experiences = await store.listExperiences({ since, limit: most.remembered });
  return experiences.flatMap(({ platform, bill }) => {
    if (bill?.isOff !== true) return [];
    const line = first.get(leaseOf({ platform, leaseId: bill.leaseId }));
    if (line === undefined) return [];
    const { leaseId, amount, counted } = bill;
    return [{ runId: line.runId, platform, leaseId, billed: amount, counted }];
  });
}
