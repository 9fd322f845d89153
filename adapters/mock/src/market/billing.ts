import type { BillingRule, Money } from "@gpujob/spec";
import type { MachineCharge } from "./market-api.ts";
import type { MachineRecord } from "./machine-record.ts";
import { billedFrom } from "./machine-record.ts";

// The market's own arithmetic, written without a look at the scheduler's or the ledger's: it is the check on them.

/**
 * Seconds that are charged for a machine that was billed for `elapsedMs`.
 *
 * Time comes in whole units, and never in fewer than hold the minimum. Prepaid units are paid when they begin, so that a
 * prepaid machine has cost its first unit at once, and one that is still running has paid the unit that begins now.
 */
export function countBilledSeconds(
  rule: BillingRule,
  elapsedMs: number,
  { isRunning }: { readonly isRunning: boolean },
): number {
  const { unitSeconds, minimumSeconds } = rule;
  const isPrepaid = rule.mode === "prepaid";
  if (elapsedMs === 0 && !isPrepaid) return 0;
  const leastUnits = Math.max(isPrepaid ? 1 : 0, Math.ceil(minimumSeconds / unitSeconds));
  const isOnBorder = isPrepaid && isRunning && elapsedMs % (unitSeconds * 1000) === 0;
  const begunUnits = Math.ceil(elapsedMs / (unitSeconds * 1000)) + (isOnBorder ? 1 : 0);
  return Math.max(leastUnits, begunUnits) * unitSeconds;
}

/** What a machine costs so far: compute by billed seconds, disk above what is included by the second until it is gone. */
export function chargeMachine(
  machine: MachineRecord,
  nowMs: number,
): { readonly billedSeconds: number; readonly charges: readonly MachineCharge[] } {
  const fromMs = billedFrom(machine, nowMs);
  if (fromMs === null) return { billedSeconds: 0, charges: [] };
  const toMs = Math.max(fromMs, machine.endedMs ?? nowMs);
  const { includedDiskGib = 0, price } = machine.terms.offer;
  const { billing, perHour, diskPerGibHour, discount = 1 } = price;
  const factor = discount * (machine.terms.billFactor ?? 1);
  const isRunning = machine.endedMs === null;
  const seconds = countBilledSeconds(billing, toMs - fromMs, { isRunning });
  const charges: MachineCharge[] = [
    { kind: "compute", fromMs, toMs, amount: multiply(perHour, seconds, factor) },
  ];
  const diskToMs = Math.max(toMs, Math.min(machine.diskEndsMs ?? toMs, nowMs));
  const diskSeconds = Math.ceil((diskToMs - fromMs) / 1000);
  const extraGib = Math.max(0, machine.diskGib - includedDiskGib);
  if (diskPerGibHour !== undefined && extraGib > 0) {
    charges.push({
      kind: "disk",
      fromMs,
      toMs: diskToMs,
      amount: multiply(diskPerGibHour, diskSeconds, extraGib),
    });
  }
  return { billedSeconds: seconds, charges };
}

/** Rounded once, to the nearest millionth. */
function multiply(perHour: Money, seconds: number, factor: number): Money {
  return {
    currency: perHour.currency,
    micros: Math.round((perHour.micros * seconds * factor) / 3600),
  };
}
