import type { DatabaseSync } from "node:sqlite";
import type { Fault } from "./terms.ts";

/**
 * Adds a fault to a market that is in use. Its `nth` counts from now, so that `nth: 1` is the next call of its kind.
 * Within a transaction.
 */
export function addFault(database: DatabaseSync, platform: string, fault: Fault): void {
  const before = readCount(database, platform, fault);
  const { nth } = fault;
  const counted =
    nth === undefined ? fault : { ...fault, nth: [nth].flat().map((each) => each + before) };
  database
    .prepare("INSERT INTO faults (platform, fault) VALUES (?, ?)")
    .run(platform, JSON.stringify(counted));
}

/** Takes back every fault that was added; those of the configuration stay. */
export function clearFaults(database: DatabaseSync, platform: string): void {
  database.prepare("DELETE FROM faults WHERE platform = ?").run(platform);
}

/** The faults that were added, in their order. */
export function readAddedFaults(database: DatabaseSync, platform: string): readonly Fault[] {
  const rows = database
    .prepare("SELECT fault FROM faults WHERE platform = ? ORDER BY number")
    .all(platform);
  // A STRICT table that only `addFault` writes.
  return rows.map(({ fault }): Fault => JSON.parse(String(fault)));
}

function readCount(database: DatabaseSync, platform: string, { on, offer }: Fault): number {
  const name = offer === undefined ? on : `${on}:${offer}`;
  const row = database
    .prepare("SELECT count FROM counters WHERE platform = ? AND name = ?")
    .get(platform, name);
  return Number(row?.["count"] ?? 0);
}
