import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import { machineFolder, removeMachineFolder } from "../machine/machine-folder.ts";
import { isAlive, pidOf } from "../machine/process-identity.ts";
import { killProcesses, sendSignal } from "../machine/processes.ts";
import { databasePath, findMarketFolders, openDatabase } from "./database.ts";
import type { MachineRecord } from "./machine-record.ts";
import { readMachines } from "./machine-record.ts";
import { markCleaned, markEnded } from "./settle.ts";

/** How long keepers get to end their machines before it is done for them, in milliseconds. */
const patienceMs = 3_000;

/**
 * Ends every machine of every market in a folder: a state folder, or a home above it. Faults do not apply. The records
 * stay, so that the meter can still be read.
 *
 * @returns how many machines were not wholly ended before.
 * @throws Error when processes of a machine cannot be ended.
 */
export async function stopAllMachines(folder: string): Promise<number> {
  let count = 0;
  for (const place of findMarketFolders(folder)) count += await stopMarket(place);
  return count;
}

/**
 * Ends every machine in a folder and forgets the markets: records, counters, log of calls.
 *
 * @returns how many machines were not wholly ended before, as far as that could be read.
 * @throws Error when processes of a machine cannot be ended; its market is then kept.
 */
export async function resetMarket(folder: string): Promise<number> {
  let count = 0;
  for (const place of findMarketFolders(folder)) {
    // A file that cannot be read must not keep anybody from a fresh start: keepers end without their file too.
    if (canOpen(place)) count += await stopMarket(place);
    for (const suffix of ["", "-wal", "-shm"]) {
      rmSync(`${databasePath(place)}${suffix}`, { force: true });
    }
    rmSync(join(place, "machines"), { recursive: true, force: true, maxRetries: 5 });
  }
  return count;
}

function canOpen(folder: string): boolean {
  try {
    openDatabase(folder).close();
    return true;
  } catch {
    return false;
  }
}

async function stopMarket(folder: string): Promise<number> {
  const database = openDatabase(folder);
  try {
    const open = readOpen(database);
    for (const machine of open) {
      markEnded(database, machine.leaseId, { atMs: Date.now(), reason: "the market was stopped" });
      if (machine.keeper !== null) sendSignalTo(machine.keeper, "SIGUSR2");
    }
    const deadlineMs = performance.now() + patienceMs;
    while (readOpen(database).some(hasKeeper) && performance.now() < deadlineMs) await sleep(25);
    for (const machine of readOpen(database)) await stopByForce(database, folder, machine);
    return open.length;
  } finally {
    database.close();
  }
}

async function stopByForce(
  database: DatabaseSync,
  folder: string,
  { leaseId, keeper }: MachineRecord,
): Promise<void> {
  if (keeper !== null) sendSignalTo(keeper, "SIGKILL");
  const place = machineFolder(folder, leaseId);
  if (!(await killProcesses(leaseId, place, { timeoutMs: patienceMs }))) {
    throw new Error(
      `Processes of ${leaseId} do not end. Look for them with ps and end them by hand.`,
    );
  }
  removeMachineFolder(place);
  markCleaned(database, leaseId, Date.now());
}

function readOpen(database: DatabaseSync): readonly MachineRecord[] {
  return readMachines(database, "cleaned_ms IS NULL", []);
}

function hasKeeper({ keeper }: MachineRecord): boolean {
  return keeper !== null && isAlive(keeper);
}

function sendSignalTo(keeper: string, signal: NodeJS.Signals): void {
  if (isAlive(keeper)) sendSignal(pidOf(keeper), signal);
}
