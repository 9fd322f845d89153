import { readStored, viewRun } from "@gpujob/engine";
import type { RunEvent, Snapshot } from "@gpujob/engine";
import { billAmount, billSeconds } from "@gpujob/scheduler";
import type { RunView } from "@gpujob/spec";
import type { LeaseRow, LedgerRow } from "@gpujob/store";
import { checkByHand, isOpenByHand } from "./check-by-hand.ts";
import { checkFetched } from "./check-fetched.ts";
import type { Remains } from "./history.ts";
import { resultFile } from "./sim-link.ts";
import type { Fault } from "./scenario.ts";
import type { Stretch } from "./sim-host.ts";
import type { Machine, SimMarket } from "./sim-market.ts";
import { epochMs } from "./world-time.ts";

/** A promise that was broken, in words. */
export interface Violation {
  readonly kind: "leak" | "double" | "lost" | "ledger" | "limit" | "untrue" | "stuck";
  readonly what: string;
}

/** Events that say what was brought home. */
const checkedTypes = new Set([
  "job-started",
  "job-exited",
  "outputs-collected",
  "collect-failed",
  "host-lost",
  "lease-vouched",
  "stop-wished",
  "checkpoint-saved",
]);

/** Checks what a history left behind: once when its run is settled, once after the sweeps of a day. */
export async function check(
  remains: Remains,
  when: "settled" | "swept",
): Promise<readonly Violation[]> {
  if (when === "swept") return checkSwept(remains);
  const rows = await remains.store.listLeases({ runId: remains.runId });
  const events = (await remains.store.listEvents(remains.runId))
    .filter(({ type }) => checkedTypes.has(type))
    .map((row) => readStored<RunEvent>(row.data));
  const ledger = await remains.store.listLedger({ runId: remains.runId });
  const view = await viewOf(remains);
  return [
    ...remains.noticed,
    ...checkSettled(remains),
    ...checkKnown(remains, rows),
    ...checkByHand(remains, rows, ledger),
    ...checkDouble(remains),
    ...checkLost(remains, events),
    ...checkFetched(remains, events, view),
    ...checkView(remains, events, view),
    ...checkLedger(remains, rows, ledger),
    ...checkCost(remains, rows, ledger, view),
  ];
}

/** The run as its user sees it. */
async function viewOf({ store, runId, submission, nowMs }: Remains): Promise<RunView> {
  const row = await store.loadRun(runId);
  if (row === undefined) throw new Error(`There is no run ${runId}.`);
  const snapshot = readStored<Snapshot>(row.snapshot);
  return viewRun({ submission, snapshot, now: epochMs + nowMs });
}

function machinesOf(remains: Remains): { readonly market: SimMarket; readonly machine: Machine }[] {
  return remains.markets.flatMap((market) =>
    market.machines().map((machine) => ({ market, machine })),
  );
}

function checkSettled({ isSettled, nowMs }: Remains): readonly Violation[] {
  if (isSettled) return [];
  return [
    { kind: "stuck", what: `the run is not settled after ${Math.round(nowMs / 60_000)} min` },
  ];
}

/** What still bills must be known: as not yet proven gone, or as a key that the sweep watches. */
function checkKnown(remains: Remains, rows: readonly LeaseRow[]): readonly Violation[] {
  return machinesOf(remains)
    .filter(({ market, machine }) => market.isBillable(machine))
    .filter(({ machine }) => {
      const row = rows.find((each) => each.leaseKey === machine.request.leaseKey);
      if (row === undefined) return true;
      const isOpen = !["gone", "never", "vouched"].includes(row.state);
      return !isOpen && (row.watchUntil ?? 0) <= epochMs + remains.nowMs;
    })
    .map(({ machine }) => ({
      kind: "leak" as const,
      what: `${machine.leaseId} still bills and nobody knows`,
    }));
}

function checkSwept(remains: Remains): readonly Violation[] {
  return machinesOf(remains)
    .filter(({ market, machine }) => market.isBillable(machine))
    .map(({ machine }) => ({
      kind: "leak" as const,
      what: `${machine.leaseId} still bills a day later`,
    }));
}

function checkDouble({ hosts }: Remains): readonly Violation[] {
  const violations: Violation[] = [];
  const stretches: Stretch[] = [];
  const starts = new Map<string, number>();
  for (const host of hosts) {
    host.look();
    for (const stretch of host.stretches) {
      stretches.push(stretch);
      const key = `${stretch.attempt}/${stretch.rank}`;
      starts.set(key, host.starts(stretch.attempt, stretch.rank));
    }
  }
  for (const [key, count] of starts) {
    if (count > 1)
      violations.push({ kind: "double", what: `the job ${key} was started ${count} times` });
  }
  stretches.sort((one, other) => one.from - other.from);
  let latest: Stretch | undefined;
  for (const stretch of stretches) {
    for (const other of stretches) {
      if (other === stretch || other.attempt >= stretch.attempt) continue;
      if (Math.min(other.to, stretch.to) <= Math.max(other.from, stretch.from)) continue;
      latest = stretch;
      violations.push({
        kind: "double",
        what: `attempts ${other.attempt} and ${stretch.attempt} ran at once from ${Math.max(other.from, stretch.from)} to ${Math.min(other.to, stretch.to)} ms`,
      });
      break;
    }
    if (latest !== undefined) break;
  }
  return violations;
}

function checkLost(remains: Remains, events: readonly RunEvent[]): readonly Violation[] {
  const { disk, hosts } = remains;
  const violations: Violation[] = [];
  const lose = (what: string): void => void violations.push({ kind: "lost", what });
  if (disk.gaps > 0) lose(`${disk.gaps} gaps in the log`);
  for (const event of events) {
    if (event.type === "job-exited") {
      const key = `${event.attempt}/${event.member}`;
      const kept = disk.logs.get(key) ?? 0;
      if (kept !== event.logBytes) lose(`log ${key}: ${kept} of ${event.logBytes} bytes`);
    }
    if (event.type === "outputs-collected") {
      const isFollowed = event.files.some((file) => file.startsWith("attempt-"));
      for (const host of hosts) {
        const members = events.filter(
          (each) => each.type === "job-exited" && each.attempt === event.attempt,
        ).length;
        for (let rank = 0; rank < members; rank += 1) {
          const product = host.peek(event.attempt, rank);
          if (product === undefined || product.doneMs === 0) continue;
          const parts = [
            ...(isFollowed ? [`attempt-${event.attempt}`] : []),
            ...(rank > 0 ? [`node-${rank}`] : []),
            resultFile,
          ];
          const kept = disk.outputs.get(parts.join("/"));
          if (kept !== product.doneMs)
            lose(`output ${parts.join("/")}: ${kept} kept, ${product.doneMs} made`);
        }
      }
    }
    if (event.type === "checkpoint-saved") {
      const kept = disk.checkpoints.get(event.checkpoint.checkpointId);
      if (kept !== event.checkpoint.bytes) lose(`checkpoint ${event.checkpoint.checkpointId}`);
    }
  }
  return violations;
}

/** What is shown of an attempt is what its job was told. */
function checkView(
  remains: Remains,
  events: readonly RunEvent[],
  view: RunView,
): readonly Violation[] {
  const started = events.flatMap((event) => (event.type === "job-started" ? [event] : []));
  return started.flatMap(({ attempt, member }): readonly Violation[] => {
    const told = remains.hosts.find((host) => host.wasResumed(attempt, member) !== undefined);
    const isResumed = told?.wasResumed(attempt, member);
    const shown = view.attempts[attempt - 1]?.isResumed;
    if (isResumed === undefined || isResumed === shown) return [];
    return [{ kind: "untrue", what: `attempt ${attempt} shows isResumed ${String(shown)}` }];
  });
}

function isOfDriver({ kind }: Fault): boolean {
  return ["crash", "stop", "suspend", "hand-over", "store-down"].includes(kind);
}

/** Longest that a machine is missed for a moment, and the wait until the engine looks again. */
const glitchMs = 25_000;

function isJump({ kind }: Fault): boolean {
  return kind === "wall-jump";
}

function isVanishing(fault: Fault): boolean {
  return fault.kind === "api" && fault.how === "vanish";
}

function checkLedger(
  remains: Remains,
  rows: readonly LeaseRow[],
  ledger: readonly LedgerRow[],
): readonly Violation[] {
  if (!remains.isSettled) return [];
  const violations: Violation[] = [];
  const wrong = (what: string): void => void violations.push({ kind: "ledger", what });
  for (const { market, machine } of machinesOf(remains)) {
    if (market.facts.release === "by-hand") continue;
    const bill = market.bill(machine);
    const row = rows.find((each) => each.leaseKey === machine.request.leaseKey);
    const charges = ledger.filter((each) => each.leaseId === machine.leaseId);
    if (charges.length > 1) wrong(`${machine.leaseId} is in the ledger ${charges.length} times`);
    const [charge] = charges;
    // What nobody could see is the sweep's to find; it is in no ledger yet.
    if (row?.leaseId !== machine.leaseId) continue;
    if (bill === undefined) {
      if (charge !== undefined && charge.amount.micros > 0)
        wrong(`${machine.leaseId} was never billed`);
      continue;
    }
    if (bill.to === undefined) continue;
    if (charge === undefined) {
      // Ended and forgotten by its platform before anybody looked, or by a driver that could write nothing down.
      const isUnseen = !machine.isStartShown || remains.scenario.faults.some(isOfDriver);
      if (market.facts.forgets && isUnseen) continue;
      if (bill.amount.micros > 0)
        wrong(`${machine.leaseId} is missing, ${bill.to - bill.from} ms billed`);
      continue;
    }
    const { billing, discount } = machine.request.offer.price;
    if (charge.to < charge.from) wrong(`${machine.leaseId} ends before it begins`);
    const seconds = Math.max(0, charge.to - charge.from) / 1000;
    const own = billAmount(machine.pricePerHour, billing, seconds, discount);
    if (
      own.micros !== charge.amount.micros ||
      billSeconds(billing, seconds) !== charge.billedSeconds
    )
      wrong(`${machine.leaseId}: ${charge.amount.micros} micros is not its own price for its time`);
    const slackMs = remains.scenario.faults.some(isVanishing) ? glitchMs : 1000;
    // Nor does it help against a clock of ours that was set.
    if (market.facts.forgets && remains.scenario.faults.some(isJump)) continue;
    const late = charge.to - epochMs - bill.to;
    const early = Math.abs(charge.from - epochMs - bill.from);
    // A platform that forgets ended machines never says when: the ledger says when it was first seen missing.
    const isLate = market.facts.forgets ? late < -slackMs : Math.abs(late) > 1000;
    if (early > 1000 || isLate)
      wrong(`${machine.leaseId}: begin is ${early} ms off, end ${late} ms`);
  }
  return violations;
}

/** What is shown as the cost is the sum of the ledger. */
function checkCost(
  remains: Remains,
  rows: readonly LeaseRow[],
  ledger: readonly LedgerRow[],
  view: RunView,
): readonly Violation[] {
  const sum = ledger.reduce((micros, each) => micros + each.amount.micros, 0);
  if (!remains.isSettled || view.cost.micros === sum) return [];
  // What its user has not ended yet costs more by the minute.
  if (rows.some(isOpenByHand)) return [];
  const what = `show says ${view.cost.micros} micros, the ledger ${sum}`;
  return [{ kind: "ledger", what }];
}
