import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "./database.ts";
import { readMachine, toView } from "./machine-record.ts";
import { settleMachines } from "./settle.ts";

/** Can processes run on this machine now? */
function isMachineUp(database: DatabaseSync, leaseId: string, nowMs: number): boolean {
  settleMachines(database, nowMs);
  const machine = readMachine(database, leaseId);
  return machine !== undefined && toView(machine, nowMs).state === "up";
}

/** What the machines of a market on this computer show of themselves, whatever its API says. */
export interface MachineWatch {
  /** Throws nothing: a file that is busy for a moment must not break a channel, so that the machine counts as up. */
  readonly isUp: (leaseId: string) => boolean;
  readonly close: () => void;
}

/** Watches the machines in a market's folder; the file is opened at the first look. */
export function watchMachines(folder: string, now: () => number): MachineWatch {
  let opened: DatabaseSync | undefined;
  return {
    isUp(leaseId) {
      try {
        return isMachineUp((opened ??= openDatabase(folder)), leaseId, now());
      } catch {
        return true;
      }
    },
    close() {
      opened?.close();
      opened = undefined;
    },
  };
}
