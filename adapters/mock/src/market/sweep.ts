import type { DatabaseSync } from "node:sqlite";
import { machineFolder, removeMachineFolder } from "../machine/machine-folder.ts";
import { isAlive, pidOf } from "../machine/process-identity.ts";
import { killProcesses, sendSignal } from "../machine/processes.ts";
import type { MachineRecord } from "./machine-record.ts";
import { readMachines } from "./machine-record.ts";
import { MarketError } from "./market-api.ts";
import { markCleaned, markEnded, settleMachines } from "./settle.ts";

/** What is needed to look after machines and their keepers. */
export interface KeepingOptions {
  readonly folder: string;
  /** Real time: keepers are processes of their own, and no simulated clock reaches them. */
  readonly now: () => number;
  /** Starts a machine's keeper process; calls back when that cannot be done. */
  readonly startKeeper: (leaseId: string, onFailure: (reason: string) => void) => void;
}

/**
 * So long may a keeper be at work. A new machine still without one gets another: whoever made it was killed in between.
 * An ended machine that is still not cleaned is cleaned here: its keeper stands still.
 */
const keeperPatienceMs = 5_000;

/** Brings the market up to date: ends what is due, cleans up after killed keepers, starts missing ones. */
export async function sweep(database: DatabaseSync, options: KeepingOptions): Promise<void> {
  settleMachines(database, options.now());
  for (const machine of readMachines(database, "cleaned_ms IS NULL", [])) {
    const isKept = machine.keeper !== null && isAlive(machine.keeper);
    const waitedMs = options.now() - (machine.endedMs ?? machine.createdMs);
    const isLate = waitedMs > keeperPatienceMs;
    if (machine.endedMs !== null) {
      if (!isKept || isLate) await cleanUp(database, options, machine);
    } else if (!isKept && isLate) startKeeper(database, options, machine.leaseId);
  }
}

async function cleanUp(
  database: DatabaseSync,
  { folder, now }: KeepingOptions,
  { leaseId }: MachineRecord,
): Promise<void> {
  const place = machineFolder(folder, leaseId);
  if (!(await killProcesses(leaseId, place, { timeoutMs: 2_000 }))) return;
  removeMachineFolder(place);
  markCleaned(database, leaseId, now());
}

/** Starts a machine's keeper. @throws MarketError `lease_failed` when that is impossible; the machine has then ended. */
export function startKeeper(
  database: DatabaseSync,
  { startKeeper: start, now }: KeepingOptions,
  leaseId: string,
): void {
  const fail = (reason: string): void => {
    if (database.isOpen) markEnded(database, leaseId, { atMs: now(), reason });
  };
  try {
    start(leaseId, fail);
  } catch (error) {
    const reason = `its keeper did not start: ${error instanceof Error ? error.message : String(error)}`;
    fail(reason);
    throw new MarketError("lease_failed", `machine ${leaseId} ended at once: ${reason}`);
  }
}

/** Only to save the keeper's second of sleep: it looks by itself too. */
export function wakeKeeper({ keeper }: MachineRecord): void {
  if (keeper !== null && isAlive(keeper)) sendSignal(pidOf(keeper), "SIGUSR2");
}
