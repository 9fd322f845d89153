import type { Money } from "@gpujob/spec";
import { chargeMachine } from "./billing.ts";
import { findMarketFolders, openDatabase } from "./database.ts";
import { billedFrom, isDiskLeft, readMachines } from "./machine-record.ts";
import { settleMachines } from "./settle.ts";

/** What the market would bill for one machine. Public shape of `gpujob mock meter --json`. */
export interface MeterMachine {
  readonly leaseId: string;
  readonly platform: string;
  /** The offer's id. */
  readonly offer: string;
  /** ISO-8601 UTC, when billing began; the time of create where it has not begun. */
  readonly startedAt: string;
  /** `null` also while a disk that it left behind is there. */
  readonly endedAt: string | null;
  readonly billedSeconds: number;
  readonly amount: Money;
}

/**
 * Reads what every machine of every market in a folder has cost, from the market's own records and by its own rule.
 * `folder` is a state folder or a home above it; one without a market gives no machines.
 *
 * @throws Error of SQLite when a market's file cannot be read.
 */
export function readMeter(
  folder: string,
  options: { readonly nowMs?: number } = {},
): { readonly machines: readonly MeterMachine[] } {
  const nowMs = options.nowMs ?? Date.now();
  const machines = findMarketFolders(folder).flatMap((place) => readOne(place, nowMs));
  return { machines };
}

function readOne(folder: string, nowMs: number): readonly MeterMachine[] {
  const database = openDatabase(folder);
  try {
    settleMachines(database, nowMs);
    return readMachines(database, "TRUE", []).map((machine) => {
      const { billedSeconds, charges } = chargeMachine(machine, nowMs);
      const micros = charges.reduce((total, charge) => total + charge.amount.micros, 0);
      return {
        leaseId: machine.leaseId,
        platform: machine.platform,
        offer: machine.terms.type,
        startedAt: toIso(billedFrom(machine, nowMs) ?? machine.createdMs),
        endedAt:
          machine.endedMs === null || isDiskLeft(machine, nowMs) ? null : toIso(machine.endedMs),
        billedSeconds,
        amount: { currency: machine.terms.offer.price.perHour.currency, micros },
      };
    });
  } finally {
    database.close();
  }
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
