import type { CloudMachine } from "./cloud-market.ts";

/** How a cloud counts. */
export interface MeterRule {
  /** From the order, or from the moment at which the machine is up. */
  readonly from: "created" | "up";
  readonly minimumSeconds: number;
  /** A machine that the cloud itself took back within so many seconds costs nothing. @default 0 */
  readonly freeIfTakenWithinSeconds?: number;
}

/** What the cloud charges for one machine so far. */
export interface CloudBill extends Pick<
  CloudMachine,
  "id" | "region" | "zone" | "type" | "market"
> {
  /** Epoch milliseconds. */
  readonly from: number;
  /** Absent: it still counts. */
  readonly to?: number;
  readonly seconds: number;
  /** In the cloud's own currency, in millionths. */
  readonly micros: number;
}

/** The bill of a machine; `undefined` for one that never began to cost anything. */
export function toBill(machine: CloudMachine, rule: MeterRule, now: number): CloudBill | undefined {
  const from = rule.from === "created" ? machine.createdAt : machine.upAt;
  const to = machine.endingAt;
  if (from === undefined || (to !== undefined && to <= from)) return undefined;
  const used = Math.ceil(((to ?? now) - from) / 1000);
  const free = rule.freeIfTakenWithinSeconds ?? 0;
  const isFree = machine.endCause === "cloud" && used < free;
  const seconds = isFree ? 0 : Math.max(rule.minimumSeconds, used);
  const { id, region, zone, type, market } = machine;
  return {
    id,
    region,
    zone,
    type,
    market,
    from,
    ...(to === undefined ? {} : { to }),
    seconds,
    micros: Math.round(
      ((machine.pricePerHour + (machine.extraPerHour ?? 0)) * 1e6 * seconds) / 3600,
    ),
  };
}
