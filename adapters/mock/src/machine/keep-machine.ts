import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { databasePath, openDatabase } from "../market/database.ts";
import type { MachineRecord } from "../market/machine-record.ts";
import { dueEnd, nextEventMs, readMachine } from "../market/machine-record.ts";
import { markCleaned, markEnded } from "../market/settle.ts";
import type { MachineFolder } from "./machine-folder.ts";
import { machineFolder, makeMachineFolder, removeMachineFolder } from "./machine-folder.ts";
import { identifyProcess } from "./process-identity.ts";
import { renderVendorTool } from "./vendor-tool.ts";
import { killProcesses } from "./processes.ts";

/** Longest sleep between two looks at the market's file; releases wake the keeper before that. */
const lookEveryMs = 1_000;

/**
 * Keeps one machine: powers it on, waits for whatever ends it, ends every process of it, removes its disk, returns.
 * Returns at once when the machine has a keeper already or has ended.
 *
 * `stopped` is fired from outside to cut the machine's power.
 */
export async function keepMachine(options: {
  readonly folder: string;
  readonly leaseId: string;
  readonly searchPath: string;
  readonly now: () => number;
  /** Sleeps, or less when there is news. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly stopped: AbortSignal;
}): Promise<void> {
  const { folder, leaseId, now } = options;
  const place = machineFolder(folder, leaseId);
  const file = fileIdentity(folder);
  if (file === "gone") return;
  const database = openDatabase(folder);
  // The folder before the claim, because from then on processes may be started there.
  const isMade = tryTo(() => prepareFolder(database, options)) === true;
  if (!isMade || !claim(database, leaseId, now())) return giveUp(database, leaseId, place);
  for (;;) {
    // Somebody removed the market, file and all: the machine goes with it.
    if (fileIdentity(folder) !== file) break;
    const machine = tryTo(() => endIfDue(database, leaseId, options));
    if (machine !== undefined && machine.endedMs !== null) break;
    await options.sleep(Math.max(1, sleepTime(machine, now())));
  }
  // Processes of another user may resist: the machine has not ended before they have.
  while (!(await killProcesses(leaseId, place, { timeoutMs: 10_000 })));
  removeMachineFolder(place);
  tryTo(() => markCleaned(database, leaseId, now()));
  database.close();
}

function prepareFolder(
  database: DatabaseSync,
  {
    leaseId,
    folder,
    searchPath,
  }: { readonly leaseId: string; readonly folder: string; readonly searchPath: string },
): true {
  const machine = readMachine(database, leaseId);
  const gpu = machine?.shownGpu ?? machine?.terms.offer.gpu;
  const vendorTool = gpu === undefined ? undefined : renderVendorTool(gpu, leaseId);
  makeMachineFolder(machineFolder(folder, leaseId), { searchPath, vendorTool });
  return true;
}

/** Another keeper was first, or the machine ended before it had one; then nobody else removes the disk just made. */
function giveUp(database: DatabaseSync, leaseId: string, place: MachineFolder): void {
  const machine = readMachine(database, leaseId);
  if (machine === undefined || machine.cleanedMs !== null) removeMachineFolder(place);
  database.close();
}

function sleepTime(machine: MachineRecord | undefined, nowMs: number): number {
  const eventMs = (machine && nextEventMs(machine)) ?? Number.POSITIVE_INFINITY;
  return Math.min(lookEveryMs, eventMs - nowMs);
}

/** Makes this process the machine's one keeper and powers the machine on. */
function claim(database: DatabaseSync, leaseId: string, nowMs: number): boolean {
  const { changes } = database
    .prepare(
      `UPDATE machines SET keeper = ?, up_ms = max(created_ms + boot_ms, ?)
       WHERE lease_id = ? AND keeper IS NULL AND ended_ms IS NULL AND cleaned_ms IS NULL`,
    )
    .run(identifyProcess(process.pid), nowMs, leaseId);
  return changes === 1;
}

function endIfDue(
  database: DatabaseSync,
  leaseId: string,
  { now, stopped }: { readonly now: () => number; readonly stopped: AbortSignal },
): MachineRecord | undefined {
  const machine = readMachine(database, leaseId);
  if (machine === undefined || machine.endedMs !== null) return machine;
  const cut = stopped.aborted ? { atMs: now(), reason: "its power was cut" } : undefined;
  const end = cut ?? dueEnd(machine, now());
  if (end === undefined) return machine;
  markEnded(database, leaseId, end);
  return readMachine(database, leaseId);
}

/** A busy or full disk is no reason to let a machine go unkept: the next look tries again. */
function tryTo<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function fileIdentity(folder: string): string {
  try {
    const { dev, ino } = statSync(databasePath(folder));
    return `${dev}:${ino}`;
  } catch {
    return "gone";
  }
}
