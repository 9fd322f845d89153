import type { DatabaseSync } from "node:sqlite";
import { isAlive } from "../machine/process-identity.ts";
import { dueEnd, readMachines } from "./machine-record.ts";

/**
 * Writes down every end that has come meanwhile: timers, deaths, reclaims at their exact time, and machines whose keeper
 * was killed as of now. Whoever looks first does it; the answer is the same for all.
 */
export function settleMachines(database: DatabaseSync, nowMs: number): void {
  for (const machine of readMachines(database, "ended_ms IS NULL", [])) {
    const isKept = machine.keeper === null || isAlive(machine.keeper);
    const end =
      dueEnd(machine, nowMs) ??
      (isKept ? undefined : { atMs: nowMs, reason: "its keeper process was killed" });
    if (end !== undefined) markEnded(database, machine.leaseId, end);
  }
}

/** Billing ends here. A machine that has ended keeps its first end. */
export function markEnded(
  database: DatabaseSync,
  leaseId: string,
  end: { readonly atMs: number; readonly reason: string },
): void {
  database
    .prepare(
      "UPDATE machines SET ended_ms = ?, end_reason = ? WHERE lease_id = ? AND ended_ms IS NULL",
    )
    .run(end.atMs, end.reason, leaseId);
}

/** Nothing of the machine is alive any more. */
export function markCleaned(database: DatabaseSync, leaseId: string, nowMs: number): void {
  database
    .prepare("UPDATE machines SET cleaned_ms = ? WHERE lease_id = ? AND cleaned_ms IS NULL")
    .run(nowMs, leaseId);
}
