import type { Lease, LeaseRequest, LeaseState, Money, NodeAccess, Offer } from "@gpujob/spec";
import type { LeaseFault } from "./fake-faults.ts";

/** One machine of the fake platform. Its state at any time follows from these times alone. */
export interface FakeMachine {
  readonly leaseId: string;
  readonly request: LeaseRequest;
  readonly pricePerHour: Money;
  readonly createdAtMs: number;
  /** Infinite: it never boots. */
  readonly upAtMs: number;
  /** Out of lists and reads before. */
  readonly visibleAtMs: number;
  readonly areTagsReadable: boolean;
  /** When the platform's own timer ends it. */
  timerAtMs: number;
  noticeAtMs: number;
  releaseAskedAtMs: number;
  /** When it stops, keeping its disk. */
  stoppedAtMs: number;
  endsAtMs: number;
  endReason: string;
  hasFailed: boolean;
}

/** What the fake platform would bill for one machine. */
export interface FakeBill {
  readonly leaseId: string;
  readonly leaseKey: string;
  readonly offerId: string;
  /** ISO-8601 UTC. */
  readonly startedAt: string;
  /** Absent: it still bills. */
  readonly endedAt?: string;
  /** Charged seconds so far, after minimum and unit. */
  readonly seconds: number;
  readonly amount: Money;
}

/** Puts a machine together from the request, the platform's times and the faults that strike it. */
export function createMachine(facts: {
  readonly leaseId: string;
  readonly request: LeaseRequest;
  readonly pricePerHour: Money;
  readonly nowMs: number;
  readonly bootMs: number;
  readonly lagMs: number;
  readonly autoRelease: boolean;
  readonly faults: readonly LeaseFault[];
}): FakeMachine {
  const never = Number.POSITIVE_INFINITY;
  const { faults, nowMs } = facts;
  const isNeverUp = faults.some((fault) => fault.do === "never-boot" || fault.do === "fail-boot");
  const slowMs = faults.reduce(
    (sum, fault) => sum + (fault.do === "slow-boot" ? fault.byMs : 0),
    0,
  );
  const bootedAtMs = nowMs + facts.bootMs + slowMs;
  const machine: FakeMachine = {
    leaseId: facts.leaseId,
    request: facts.request,
    pricePerHour: facts.pricePerHour,
    createdAtMs: nowMs,
    upAtMs: isNeverUp ? never : bootedAtMs,
    visibleAtMs: nowMs + facts.lagMs,
    areTagsReadable: !faults.some((fault) => fault.do === "damage-tags"),
    timerAtMs: facts.autoRelease ? Date.parse(facts.request.endsAt) : never,
    noticeAtMs: never,
    releaseAskedAtMs: never,
    stoppedAtMs: never,
    endsAtMs: never,
    endReason: "",
    hasFailed: false,
  };
  for (const fault of faults) applyFault(machine, fault, bootedAtMs);
  return machine;
}

function applyFault(machine: FakeMachine, fault: LeaseFault, bootedAtMs: number): void {
  if (fault.do === "interrupt") {
    machine.noticeAtMs = bootedAtMs + fault.afterMs;
    endMachine(machine, machine.noticeAtMs + fault.noticeMs, "taken back by the platform");
  } else if (fault.do === "die") {
    endMachine(machine, bootedAtMs + fault.afterMs, "hardware failure");
  } else if (fault.do === "fail-boot") {
    machine.hasFailed = true;
    endMachine(machine, bootedAtMs, "boot failed");
  }
}

/** Ends a machine at a time, unless it ends sooner anyway. */
export function endMachine(machine: FakeMachine, atMs: number, reason: string): void {
  if (atMs >= endMs(machine)) return;
  machine.endsAtMs = atMs;
  machine.endReason = reason;
}

/** When the machine ends, as far as it is known; infinite while nothing ends it. */
function endMs(machine: FakeMachine): number {
  return Math.min(machine.endsAtMs, machine.timerAtMs);
}

export function hasEnded(machine: FakeMachine, nowMs: number): boolean {
  return nowMs >= endMs(machine);
}

/** When it stopped costing compute: its end, or its stop. Infinite while it bills. */
function billingEndMs(machine: FakeMachine): number {
  return Math.min(endMs(machine), machine.stoppedAtMs);
}

export function machineState(machine: FakeMachine, nowMs: number): LeaseState {
  if (hasEnded(machine, nowMs)) return machine.hasFailed ? "failed" : "ended";
  if (nowMs >= machine.releaseAskedAtMs) return "releasing";
  if (nowMs >= machine.stoppedAtMs) return "stopped";
  return nowMs >= machine.upAtMs ? "up" : "pending";
}

/** The machine as the platform would describe it now. */
export function toLease(
  machine: FakeMachine,
  nowMs: number,
  access: (leaseId: string, rank: number) => NodeAccess,
): Lease {
  const { request, leaseId } = machine;
  const state = machineState(machine, nowMs);
  const startedAtMs = billingStartMs(machine);
  const endedAtMs = billingEndMs(machine);
  const nodes = Array.from({ length: request.nodes }, (_, rank) => ({
    nodeId: `${leaseId}-n${rank}`,
    rank,
    internalAddress: `10.0.0.${rank + 1}`,
    ...(state === "up" ? { access: access(leaseId, rank) } : {}),
  }));
  return {
    leaseId,
    ...(machine.areTagsReadable
      ? { leaseKey: request.leaseKey, ownership: request.ownership }
      : {}),
    state,
    isBillable: nowMs >= startedAtMs && nowMs < endedAtMs,
    pricePerHour: machine.pricePerHour,
    ...(nowMs >= startedAtMs ? { startedAt: isoTime(startedAtMs) } : {}),
    ...(nowMs >= endedAtMs ? { endedAt: isoTime(endedAtMs) } : {}),
    ...(hasEnded(machine, nowMs) ? { reason: reasonOf(machine) } : {}),
    nodes,
  };
}

function reasonOf(machine: FakeMachine): string {
  return machine.endsAtMs <= machine.timerAtMs ? machine.endReason : "end time reached";
}

function billingStartMs(machine: FakeMachine): number {
  const isBootBilled = machine.request.offer.price.billing.isBootBilled ?? true;
  return isBootBilled ? machine.createdAtMs : machine.upAtMs;
}

/** The bill so far, by the offer's own billing rule; `undefined` while nothing has been charged. */
export function toBill(machine: FakeMachine, nowMs: number): FakeBill | undefined {
  const { offer, leaseKey, nodes } = machine.request;
  const fromMs = billingStartMs(machine);
  const endedAtMs = billingEndMs(machine);
  if (nowMs < fromMs || endedAtMs < fromMs) return undefined;
  const hasEndedBilling = nowMs >= endedAtMs;
  const used = (Math.min(nowMs, endedAtMs) - fromMs) / 1000;
  const seconds = chargedSeconds(offer, used);
  return {
    leaseId: machine.leaseId,
    leaseKey,
    offerId: offer.offerId,
    startedAt: isoTime(fromMs),
    ...(hasEndedBilling ? { endedAt: isoTime(endedAtMs) } : {}),
    seconds,
    amount: {
      currency: machine.pricePerHour.currency,
      micros: Math.round((machine.pricePerHour.micros * nodes * seconds) / 3600),
    },
  };
}

function chargedSeconds(offer: Offer, used: number): number {
  const { unitSeconds, minimumSeconds } = offer.price.billing;
  const units = Math.ceil(Math.max(used, minimumSeconds) / unitSeconds);
  return units * unitSeconds;
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
