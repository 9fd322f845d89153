import { readStored } from "@gpujob/engine";
import type { LeaseRow } from "@gpujob/store";
import type { ByHandTerms } from "./by-hand.ts";
import type { AuditLease } from "./gpujob.ts";

/** A stored lease as an audit shows it. */
export function viewLease(row: LeaseRow, note: string): AuditLease {
  return {
    platform: row.platform,
    leaseId: row.leaseId ?? null,
    runId: row.runId,
    state: row.state,
    since: new Date(row.billedFrom ?? row.createdAt ?? row.intendedAt).toISOString(),
    pricePerHour: termsOf(row).perHour,
    note,
  };
}

/** Price and rules of a lease, written with the row by the engine. */
export function termsOf(row: LeaseRow): ByHandTerms {
  return readStored<ByHandTerms>(row.terms);
}
