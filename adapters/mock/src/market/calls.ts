import type { DatabaseSync } from "node:sqlite";
import { findMarketFolders, openDatabase } from "./database.ts";
import type { CallFaults } from "./faults.ts";
import type { CallName } from "./terms.ts";

/** One call that the market received. */
export interface MarketCall {
  /** ISO-8601 UTC. */
  readonly at: string;
  readonly platform: string;
  readonly call: CallName;
  /** The machine that it was about, where it named one. */
  readonly leaseId: string | null;
  /** The faults that struck it, joined by commas. */
  readonly fault: string | null;
}

/** So many calls are kept: a market that is watched for days must not grow without end. */
const keptCalls = 20_000;

/** Notes a call. Within the transaction that counts it. */
export function logCall(
  database: DatabaseSync,
  call: {
    readonly platform: string;
    readonly name: CallName;
    readonly leaseId: string | undefined;
    readonly faults: CallFaults;
    readonly atMs: number;
  },
): void {
  const { lastInsertRowid } = database
    .prepare("INSERT INTO calls (at_ms, platform, call, lease_id, fault) VALUES (?, ?, ?, ?, ?)")
    .run(call.atMs, call.platform, call.name, call.leaseId ?? null, call.faults.names || null);
  const number = Number(lastInsertRowid);
  if (number % 1000 !== 0) return;
  database.prepare("DELETE FROM calls WHERE number <= ?").run(number - keptCalls);
}

/**
 * The last calls that the markets in a folder received, the oldest first. `folder` is a state folder or a home above it.
 *
 * @throws Error of SQLite when a market's file cannot be read.
 */
export function readCalls(folder: string): readonly MarketCall[] {
  return findMarketFolders(folder).flatMap((place) => {
    const database = openDatabase(place);
    try {
      const rows = database
        .prepare("SELECT at_ms, platform, call, lease_id, fault FROM calls ORDER BY number")
        .all();
      return rows.map(toCall);
    } finally {
      database.close();
    }
  });
}

function toCall(row: Record<string, unknown>): MarketCall {
  const { at_ms: atMs, platform, call, lease_id: leaseId, fault } = row;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a STRICT table that only this package writes
  return { at: new Date(Number(atMs)).toISOString(), platform, call, leaseId, fault } as MarketCall;
}
