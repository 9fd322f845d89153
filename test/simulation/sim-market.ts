import type { Capabilities, Lease, LeaseRequest, LeaseState, Money, Offer } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { billAmount } from "@gpujob/scheduler";
import type { Fault, OfferFacts, PlatformFacts } from "./scenario.ts";
import type { SimHost } from "./sim-host.ts";
import { epochMs } from "./world-time.ts";

type MachineFault = Fault & { readonly kind: "machine" };

/** One rented machine, or one reservation of an owned host, by the platform's own knowledge. */
export interface Machine {
  readonly leaseId: string;
  readonly number: number;
  readonly request: LeaseRequest;
  readonly pricePerHour: Money;
  readonly createdAt: number;
  readonly upAt: number;
  readonly visibleAt: number;
  readonly host: SimHost;
  timerAt: number;
  releasedAt: number;
  endsAt: number;
  reason: string;
  noticeAt: number;
  /** When a machine that was rented by hand ends itself, as it was told. */
  selfEndsAt: number;
  stoppedAt: number;
  hasFailed: boolean;
  /** Has anybody been told when it began to bill? */
  isStartShown: boolean;
}

/** What the platform charges for one machine; times in milliseconds of the timeline, `to` absent while it still does. */
export interface Bill {
  readonly leaseId: string;
  readonly from: number;
  readonly to?: number;
  readonly amount: Money;
}

/** The platform's truth: offers, machines, and the meter. */
export interface SimMarket {
  readonly facts: PlatformFacts;
  readonly capabilities: Capabilities;
  offers(): readonly Offer[];
  machines(): readonly Machine[];
  byToken(leaseKey: string): Machine | undefined;
  byName(request: LeaseRequest): Machine | undefined;
  rent(request: LeaseRequest, factor: number): Machine;
  /** What reads and lists may show now. */
  isVisible(machine: Machine): boolean;
  stateOf(machine: Machine): LeaseState;
  toLease(machine: Machine): Lease;
  release(machine: Machine, lingerMs: number): void;
  extend(machine: Machine, untilMs: number): void;
  /** Has a machine that was rented by hand ended itself, as it was told? */
  hasEndedItself(machine: Machine): boolean;
  /** Does it bill until its user ends it? One whose bill the next run has taken over does not. */
  isUsers(machine: Machine): boolean;
  /** When it ends, or has, in milliseconds of the timeline; infinite where nothing ends it. */
  endOf(machine: Machine): number;
  bill(machine: Machine): Bill | undefined;
  isBillable(machine: Machine): boolean;
}

const never = Number.POSITIVE_INFINITY;

export function createSimMarket(options: {
  readonly facts: PlatformFacts;
  readonly now: () => number;
  readonly at: (atMs: number, action: () => void) => void;
  /** Makes the machine itself; for owned platforms the same one for the same offer. */
  readonly makeHost: (details: {
    readonly offerId: string;
    readonly upAt: number;
    readonly powerOff: (atMs: number) => void;
  }) => { readonly host: SimHost; readonly number: number; readonly isNew: boolean };
  readonly faultsOf: (machine: number) => readonly MachineFault[];
  /** Is nothing left on the platform now, whatever its stock says? */
  readonly isSoldOut: () => boolean;
  /** A fault of a machine is going to happen to one that was rented. */
  readonly onStrike: (how: MachineFault["how"]) => void;
}): SimMarket {
  const { facts, now } = options;
  const isByHand = facts.release === "by-hand";
  /** Is the machine there whoever uses it? */
  const isOwned = facts.release !== "api";
  const machines: Machine[] = [];
  const offers = facts.offers.map((offer) => toOffer(facts, offer));

  /** A reservation that lapses frees its cards and proves nothing about what runs on them. */
  function endOf(machine: Machine): number {
    return isOwned ? machine.endsAt : Math.min(machine.endsAt, machine.timerAt);
  }

  function taken(offerId: string): number {
    return machines.filter(
      (machine) => machine.request.offer.offerId === offerId && now() < endOf(machine),
    ).length;
  }

  function current(offer: Offer): Offer {
    const stock = facts.offers.find((each) => each.id === offer.offerId)?.stock ?? 0;
    const left = options.isSoldOut() ? 0 : stock - taken(offer.offerId);
    return { ...offer, availability: left > 0 ? left : "none" };
  }

  function end(machine: Machine, atMs: number, reason: string): void {
    if (atMs >= endOf(machine)) return;
    machine.endsAt = atMs;
    machine.reason = reason;
    if (!isOwned) machine.host.endAt(atMs);
  }

  /** Everything that the faults of this machine will do to it, from the moment it is up. */
  function strike(machine: Machine, fault: MachineFault): void {
    const at = machine.upAt + fault.afterMs;
    switch (fault.how) {
      case "dies":
        if (isOwned) return options.at(at, () => machine.host.endAt(at));
        return end(machine, at, "hardware failure");
      case "hangs":
        return options.at(at, () => machine.host.endAt(at));
      case "reboots":
        return options.at(at, () => machine.host.reboot(fault.ms));
      case "taken":
        if (isOwned) return;
        machine.noticeAt = at;
        return end(machine, at + fault.ms, "taken back by the platform");
      case "never-boots":
      case "fails-boot":
      case "slow-boots":
        return;
    }
  }

  function stateOf(machine: Machine): LeaseState {
    machine.host.look();
    const at = now();
    if (isByHand) return stateByHand(machine, at);
    if (isOwned && !isRunningBoot(machine)) return "ended";
    if (at >= endOf(machine)) return machine.hasFailed ? "failed" : "ended";
    if (at >= machine.releasedAt) return "releasing";
    if (at >= machine.stoppedAt || at >= machine.timerAt) return "stopped";
    return at >= machine.upAt ? "up" : "pending";
  }

  function stateByHand(machine: Machine, at: number): LeaseState {
    if (heirOf(machine) !== undefined || at >= machine.selfEndsAt) return "ended";
    if (at >= machine.releasedAt) return "releasing";
    if (!isRunningBoot(machine)) return "stopped";
    return at >= machine.upAt ? "up" : "pending";
  }

  /** The next use of the same machine: its bill goes on there. */
  function heirOf(machine: Machine): Machine | undefined {
    const rest = machines.slice(machines.indexOf(machine) + 1);
    return rest.find(({ host }) => host === machine.host);
  }

  function endByHand(machine: Machine): number {
    return Math.min(heirOf(machine)?.createdAt ?? never, machine.selfEndsAt);
  }

  /** A reservation names the boot that it was made in. */
  function isRunningBoot(machine: Machine): boolean {
    return now() < machine.upAt || bootOf(machine) === machine.host.facts().bootId;
  }

  const boots = new Map<Machine, string>();
  function bootOf(machine: Machine): string {
    return boots.get(machine) ?? machine.host.facts().bootId;
  }

  function span(machine: Machine): { readonly from: number; readonly to: number } {
    machine.host.look();
    const isBootBilled = machine.request.offer.price.billing.isBootBilled ?? true;
    return {
      from: isBootBilled ? machine.createdAt : machine.upAt,
      to: Math.min(endOf(machine), machine.stoppedAt),
    };
  }

  return {
    facts,
    capabilities: capabilitiesOf(facts),
    offers: () => offers.map(current),
    machines: () => machines,
    byToken: (leaseKey) => machines.find((machine) => machine.request.leaseKey === leaseKey),
    byName: (request) =>
      machines.find(
        (machine) =>
          now() >= machine.visibleAt &&
          now() < endOf(machine) &&
          machine.request.leaseKey === request.leaseKey,
      ),
    rent(request, factor) {
      const offer = offers.find((each) => each.offerId === request.offer.offerId);
      if (offer === undefined || current(offer).availability === "none") {
        throw new PlatformError("no_capacity", `${facts.name}: nothing is left.`, {
          scope: "offer",
          operation: "createLease",
        });
      }
      const leaseId = `${facts.name}-${machines.length + 1}`;
      const usualAt = now() + (isOwned ? 0 : facts.bootMs);
      // The host needs its machine for the power-off, and the machine its host.
      const powerOff = (atMs: number): void => {
        const machine = machines.find((each) => each.leaseId === leaseId);
        if (machine === undefined) return;
        if (facts.powerOff === "ends") end(machine, atMs, "powered off");
        if (facts.powerOff === "stops") {
          machine.stoppedAt = Math.min(machine.stoppedAt, atMs);
          machine.host.endAt(atMs);
        }
      };
      const made = options.makeHost({ offerId: offer.offerId, upAt: usualAt, powerOff });
      const faults = options.faultsOf(made.number);
      const slow = faults.find((each) => each.how === "slow-boots");
      const bootAt = usualAt + (isOwned ? 0 : (slow?.ms ?? 0));
      const isBroken = faults.some(
        (each) => each.how === "never-boots" || each.how === "fails-boot",
      );
      const { perHour } = offer.price;
      const machine: Machine = {
        leaseId,
        number: made.number,
        request,
        pricePerHour: { ...perHour, micros: Math.round(perHour.micros * factor) },
        createdAt: now(),
        upAt: isBroken && !isOwned ? never : bootAt,
        visibleAt: now() + facts.lagMs,
        host: made.host,
        // A driver whose clock was set back may ask for an end that is over: it comes at once, never before the machine.
        timerAt: facts.autoRelease ? Math.max(now(), Date.parse(request.endsAt) - epochMs) : never,
        releasedAt: never,
        endsAt: never,
        reason: "",
        noticeAt: never,
        selfEndsAt: never,
        stoppedAt: never,
        hasFailed: false,
        isStartShown: false,
      };
      machines.push(machine);
      if (isOwned) boots.set(machine, made.host.facts().bootId);
      else if (machine.timerAt !== never) options.at(machine.timerAt, () => tick(machine));
      if (!isOwned && faults.some((each) => each.how === "fails-boot")) {
        machine.hasFailed = true;
        end(machine, bootAt, "boot failed");
      }
      if (made.isNew)
        for (const fault of faults) {
          options.onStrike(fault.how);
          strike(machine, fault);
        }
      return machine;
    },
    isVisible: (machine) => now() >= machine.visibleAt,
    stateOf,
    hasEndedItself: (machine) => now() >= machine.selfEndsAt,
    isUsers: (machine) => isByHand && now() < endByHand(machine),
    endOf: (machine) => Math.min(endOf(machine), machine.host.endsAt()),
    toLease(machine) {
      const state = stateOf(machine);
      const { from, to } = span(machine);
      const at = now();
      const isUp = state === "up";
      const { request } = machine;
      return {
        leaseId: machine.leaseId,
        leaseKey: request.leaseKey,
        ownership: request.ownership,
        state,
        isBillable: isByHand ? state !== "ended" : !isOwned && at >= from && at < to,
        pricePerHour: machine.pricePerHour,
        ...(at >= from && !isOwned ? { startedAt: iso(from) } : {}),
        ...(at >= to && !isOwned ? { endedAt: iso(to) } : {}),
        ...(isByHand ? { startedAt: iso(machine.createdAt) } : {}),
        ...(isByHand && state === "ended" ? { endedAt: iso(endByHand(machine)) } : {}),
        ...(machine.reason === "" ? {} : { reason: machine.reason }),
        nodes: [
          {
            nodeId: machine.leaseId,
            rank: 0,
            internalAddress: "10.0.0.1",
            ...(isUp ? { access: { kind: "channel" as const } } : {}),
          },
        ],
      };
    },
    release(machine, lingerMs) {
      if (now() >= endOf(machine)) return;
      if (now() < machine.releasedAt) {
        machine.releasedAt = now();
        end(machine, now() + (isOwned ? 0 : facts.releaseMs + lingerMs), "released");
        if (!isByHand || facts.powerOff !== "ends") return;
        machine.selfEndsAt = now() + 1000;
        machine.host.endAt(machine.selfEndsAt);
      }
    },
    extend(machine, untilMs) {
      machine.timerAt = Math.max(now(), untilMs);
      options.at(machine.timerAt, () => tick(machine));
    },
    bill(machine) {
      if (isOwned) return undefined;
      const { from, to } = span(machine);
      if (now() < from || to < from) return undefined;
      const { billing, discount } = machine.request.offer.price;
      const seconds = (Math.min(now(), to) - from) / 1000;
      return {
        leaseId: machine.leaseId,
        from,
        ...(now() >= to ? { to } : {}),
        amount: billAmount(machine.pricePerHour, billing, seconds, discount),
      };
    },
    isBillable(machine) {
      if (isOwned) return false;
      const { from, to } = span(machine);
      return now() >= from && now() < to;
    },
  };

  /** The platform's own timer: the machine is off from that moment on. */
  function tick(machine: Machine): void {
    if (now() >= machine.timerAt && now() < machine.endsAt && !isOwned) {
      machine.reason ||= "end time reached";
      machine.host.endAt(now());
    }
  }
}

function toOffer(facts: PlatformFacts, offer: OfferFacts): Offer {
  return {
    offerId: offer.id,
    platform: facts.name,
    region: "local",
    instanceType: offer.id,
    market: offer.market,
    price: {
      perHour: { currency: "CNY", micros: offer.micros },
      billing: offer.billing,
      source: "live",
    },
    maxNodes: 4,
    availability: offer.stock,
    bootSeconds: Math.ceil(facts.bootMs / 1000),
    observedAt: "2026-11-01T00:00:00.000Z",
    ...(facts.release === "by-hand" ? { byHand: { endAt: "the console" } } : {}),
  };
}

function capabilitiesOf(facts: PlatformFacts): Capabilities {
  return {
    release: facts.release,
    powerOff: facts.release === "by-hand" ? "none" : facts.powerOff,
    idempotency: facts.idempotency,
    autoRelease: facts.autoRelease,
    visibilityWindowMs: facts.windowMs,
    markets: ["on-demand", "spot"],
    multiNode: "gang",
    tagging: "tags",
    image: false,
    docker: false,
    channel: true,
    interruptionNotice: facts.release === "api",
    capacityCheck: false,
    balance: false,
    charges: false,
  };
}

function iso(ms: number): string {
  return new Date(epochMs + ms).toISOString();
}
