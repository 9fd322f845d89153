import type {
  Lease,
  LeaseRequest,
  Platform,
  PlatformErrorKind,
  ReleaseProgress,
} from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { DriverProcess } from "./driver-process.ts";
import type { Fault } from "./scenario.ts";
import type { Machine, SimMarket } from "./sim-market.ts";
import type { Timeline } from "./timeline.ts";
import { epochMs } from "./world-time.ts";

type Wait = { readonly signal: AbortSignal };

/** Calls and their faults, counted over the whole history, whoever makes them. */
export interface CallCounts {
  creates: number;
  releases: number;
}

/** What an API needs to answer one process. */
export interface SimApiOptions {
  readonly market: SimMarket;
  /** Position of the platform in the scenario. */
  readonly index: number;
  readonly timeline: Timeline;
  readonly process: DriverProcess;
  readonly faults: readonly Fault[];
  readonly counts: CallCounts;
  /** Faults that did strike, by name. */
  readonly struck: Set<string>;
  /** Has this process no network at all? */
  readonly isOffline: () => boolean;
  /** Is the machine itself there for this process, on platforms that are hosts? */
  readonly canReach: (machine: Machine) => boolean;
  /** For the gate: the platform forgets what it promised about tokens. */
  readonly forgetsTokens: boolean;
}

const deadlineMs = 60_000;
const glitchMs = 9000;

/** The platform as one process sees it: over a network, with faults, each call with a deadline. */
export function createSimApi(options: SimApiOptions): Platform {
  const { market, timeline, process, faults, counts, struck } = options;
  const { facts } = market;
  const { idempotency } = market.capabilities;

  function fail(operation: string, kind: PlatformErrorKind, message: string): PlatformError {
    return new PlatformError(kind, `${facts.name}: ${message}`, {
      platform: facts.name,
      operation,
      scope: "call",
    });
  }

  function weather(how: "down" | "throttled" | "vanish", mostMs?: number): boolean {
    const now = timeline.now();
    const isSo = faults.some(
      (fault) =>
        fault.kind === "api" &&
        fault.platform === options.index &&
        fault.how === how &&
        now >= fault.atMs &&
        now < fault.atMs + Math.min(fault.ms, mostMs ?? fault.ms),
    );
    if (isSo) struck.add(`api ${how}`);
    return isSo;
  }

  function lostKind(operation: string): PlatformErrorKind {
    return operation === "createLease" ? "outcome_unknown" : "unreachable";
  }

  async function travel(signal: AbortSignal): Promise<void> {
    if (facts.latencyMs > 0) await timeline.sleep(facts.latencyMs, { signal, owner: process });
  }

  /** One call: out, its effect on the platform, and back. */
  function call<Result>(
    operation: string,
    { signal }: Wait,
    effect: () => Result | Promise<Result>,
  ): Promise<Result> {
    return process.call(operation, async () => {
      if (signal.aborted) throw fail(operation, "aborted", "cancelled.");
      try {
        await travel(signal);
        if (options.isOffline()) throw fail(operation, "unreachable", "no network.");
        if (weather("down")) throw fail(operation, "unavailable", "the API is down.");
        if (weather("throttled")) throw fail(operation, "rate_limited", "too many calls.");
        const result = await effect();
        await travel(signal);
        if (options.isOffline()) throw fail(operation, lostKind(operation), "the answer was lost.");
        return result;
      } catch (error) {
        if (!signal.aborted) throw error;
        throw fail(
          operation,
          operation === "createLease" ? "outcome_unknown" : "aborted",
          "cancelled.",
        );
      }
    });
  }

  function strike(kind: "create" | "release", count: number): Fault | undefined {
    const found = faults.find(
      (fault) =>
        fault.kind === kind &&
        count >= fault.nth &&
        count < fault.nth + (fault.kind === "release" ? fault.times : 1),
    );
    if (found !== undefined && "how" in found) struck.add(`${kind} ${found.how}`);
    return found;
  }

  /**
   * An end as the platform takes it, in milliseconds of the timeline: by its own clock, though a driver's may be set wrong. A
   * host of the user's own is told for how long, not until when.
   */
  function endOn(until: string): number {
    const time = Date.parse(until);
    if (facts.release === "api") return time - epochMs;
    return timeline.now() + time - process.clock.now();
  }

  function rent(request: LeaseRequest, factor: number): Machine {
    const known =
      idempotency === "token" && !options.forgetsTokens
        ? market.byToken(request.leaseKey)
        : idempotency === "name"
          ? market.byName(request)
          : undefined;
    const endsAt = new Date(epochMs + endOn(request.endsAt)).toISOString();
    return known ?? market.rent({ ...request, endsAt }, factor);
  }

  async function create(request: LeaseRequest, { signal }: Wait): Promise<Machine> {
    counts.creates += 1;
    const fault = strike("create", counts.creates);
    const factor = fault?.kind === "create" && fault.how === "repriced" ? 1.5 : 1;
    if (fault?.kind !== "create") return rent(request, 1);
    switch (fault.how) {
      case "refused":
        throw fail("createLease", "no_capacity", "nothing is left.");
      case "lost":
        throw fail("createLease", "outcome_unknown", "no answer.");
      case "reply-lost":
        rent(request, 1);
        throw fail("createLease", "outcome_unknown", "the reply was lost.");
      case "error-made":
        rent(request, 1);
        throw fail("createLease", "unavailable", "server error 500.");
      case "late": {
        timeline.at(timeline.now() + fault.ms, () => makeLate(request));
        throw fail("createLease", "unavailable", "server error 502.");
      }
      case "slow":
        if (fault.ms >= deadlineMs) {
          timeline.at(timeline.now() + fault.ms, () => makeLate(request));
          await timeline.sleep(deadlineMs, { signal, owner: process });
          throw fail("createLease", "outcome_unknown", "no answer in time.");
        }
        await timeline.sleep(fault.ms, { signal, owner: process });
        return rent(request, 1);
      case "repriced": {
        const limit = request.priceLimit;
        const micros = request.offer.price.perHour.micros * factor;
        if (limit !== undefined && micros > limit.micros)
          throw fail("createLease", "price_changed", "dearer than offered.");
        return rent(request, factor);
      }
    }
  }

  function makeLate(request: LeaseRequest): void {
    try {
      rent(request, 1);
    } catch (error) {
      // Nobody waits for this answer any more.
      if (!PlatformError.is(error)) throw error;
    }
  }

  function find(leaseId: string): Machine | undefined {
    const machine = market.machines().find((each) => each.leaseId === leaseId);
    if (machine === undefined || !market.isVisible(machine)) return undefined;
    // A young machine may come and go within the declared window; an old one is missed for moments only.
    const isYoung = timeline.now() - machine.createdAt < facts.windowMs;
    return weather("vanish", isYoung ? undefined : glitchMs) ? undefined : machine;
  }

  function read(leaseId: string, operation: string): Lease | undefined {
    const machine = find(leaseId);
    if (machine === undefined) return undefined;
    mustReach(machine, operation);
    const state = market.stateOf(machine);
    return facts.forgets && (state === "ended" || state === "failed") ? undefined : show(machine);
  }

  function show(machine: Machine): Lease {
    const lease = market.toLease(machine);
    if (lease.startedAt !== undefined) machine.isStartShown = true;
    return lease;
  }

  /** On platforms that are hosts every question goes to the host. */
  function mustReach(machine: Machine, operation: string): void {
    if (facts.release === "api" || options.canReach(machine)) return;
    // It was told to end itself and does not answer: that is what its end looks like.
    if (market.hasEndedItself(machine)) return;
    throw fail(operation, "unreachable", "the host does not answer.");
  }

  function release(leaseId: string): ReleaseProgress {
    counts.releases += 1;
    const fault = strike("release", counts.releases);
    const machine = find(leaseId);
    if (machine === undefined) return { state: "released" };
    mustReach(machine, "releaseLease");
    if (fault?.kind === "release") {
      if (fault.how === "ignored") return { state: "releasing" };
      if (fault.how === "lost") throw fail("releaseLease", "unavailable", "no answer.");
      if (fault.how === "throttled") throw fail("releaseLease", "rate_limited", "too many calls.");
    }
    market.release(machine, fault?.kind === "release" && fault.how === "lingers" ? fault.ms : 0);
    if (fault?.kind === "release" && fault.how === "reply-lost")
      throw fail("releaseLease", "unavailable", "the reply was lost.");
    const state = market.stateOf(machine);
    if (state === "ended" || state === "failed") return { state: "released" };
    const isEnding = facts.release === "by-hand" && facts.powerOff === "ends";
    return { state: "releasing", ...(isEnding ? { againAfterMs: 5000 } : {}) };
  }

  return {
    listOffers: (_query, wait) => call("listOffers", wait, () => market.offers()),
    createLease: (request, wait) =>
      call("createLease", wait, async () => show(await create(request, wait))),
    getLease: (leaseId, wait) => call("getLease", wait, () => read(leaseId, "getLease")),
    listLeases: (_filter, wait) =>
      call("listLeases", wait, () =>
        market
          .machines()
          .filter((machine) => find(machine.leaseId) !== undefined)
          .map((machine) => {
            mustReach(machine, "listLeases");
            return market.toLease(machine);
          })
          .filter((lease) => lease.state !== "ended" && lease.state !== "failed"),
      ),
    releaseLease: (leaseId, wait) => call("releaseLease", wait, () => release(leaseId)),
    classify: () => ({ kind: "unavailable", scope: "call" }),
    extendLease: (leaseId, until, wait) =>
      call("extendLease", wait, () => {
        const machine = find(leaseId);
        if (machine === undefined)
          throw fail("extendLease", "unsupported_request", "no such machine.");
        mustReach(machine, "extendLease");
        const state = market.stateOf(machine);
        if (state === "ended" || state === "failed")
          throw fail("extendLease", "unsupported_request", "it has ended.");
        market.extend(machine, endOn(until));
      }),
    ...(market.capabilities.interruptionNotice
      ? {
          watchInterruption: (leaseId: string, wait: Wait) =>
            call("watchInterruption", wait, () => {
              const machine = find(leaseId);
              if (machine === undefined || timeline.now() < machine.noticeAt) return undefined;
              return {
                reason: "taken back by the platform",
                endsAt: new Date(epochMs + machine.endsAt).toISOString(),
              };
            }),
        }
      : {}),
  };
}
