import type { EnginePlatform, EnginePorts } from "@gpujob/engine";
import { explainNoOffer, rankOffers } from "@gpujob/scheduler";
import type { Capabilities, PlanMissing, Platform, Timeouts } from "@gpujob/spec";
import { GpujobError, PlatformError, toFailure } from "@gpujob/spec";
import type { Commit, Store } from "@gpujob/store";
import type { DriverProcess } from "./driver-process.ts";
import type { Mutant } from "./mutants.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { createSimApi } from "./sim-api.ts";
import type { CallCounts } from "./sim-api.ts";
import { createSimFiles } from "./sim-files.ts";
import type { HomeDisk } from "./sim-files.ts";
import { createSimSession } from "./sim-link.ts";
import type { Machine, SimMarket } from "./sim-market.ts";
import type { Timeline } from "./timeline.ts";

/** The world that every process of a history shares. */
export interface SharedWorld {
  readonly scenario: Scenario;
  readonly timeline: Timeline;
  readonly store: Store;
  readonly disk: HomeDisk;
  readonly markets: readonly SimMarket[];
  readonly counts: CallCounts;
  readonly timeouts: Timeouts;
  readonly mutant: Mutant | undefined;
  readonly newId: () => string;
  /** Marks the machines of this history's user. */
  readonly installation: string;
  /** How far the wall clock of the drivers' computer is set wrong now. */
  readonly wallOffsetMs: () => number;
  /** Named values of the store, of this history alone: histories share a store. */
  readonly values: Map<string, string>;
  /** Leases of whose end the user has given a word. */
  readonly vouched: Set<string>;
  readonly onCommit: (commit: Commit) => void;
  /** Faults that did strike in this history, by name. */
  readonly struck: Set<string>;
  readonly trace?: (line: string) => void;
}

/** What one process, the `number`-th that drives, gets from the world. */
export function createSimPorts(
  world: SharedWorld,
  process: DriverProcess,
  number: number,
): EnginePorts {
  const { scenario, timeline, markets } = world;
  const { isOffline, isOpen } = createNetwork(world, number);
  const platforms = createPlatforms(world, process, number);

  return {
    store: createProcessStore(world, process, number),
    clock: process.clock,
    newId: world.newId,
    owner: process.name,
    tempo: { renewLockMs: 10_000, wishPollMs: 10_000, watchMs: 3000, platformPollMs: 10_000 },
    platform(name) {
      const found = platforms.get(name);
      if (found === undefined) throw new GpujobError("config_invalid", `No platform ${name}.`);
      return found;
    },
    async makePlan(submission, exclusions, wait) {
      const answers = await Promise.all(
        [...platforms].map(async ([name, { platform }]) =>
          platform.listOffers({}, wait).catch((error: unknown) => missingFor(name, error)),
        ),
      );
      const offers = answers.flatMap((answer) => ("reason" in answer ? [] : answer));
      const missing = answers.flatMap((answer) => ("reason" in answer ? [answer] : []));
      const plan = rankOffers({
        job: submission.job,
        offers,
        missing,
        capabilitiesByPlatform: Object.fromEntries(
          markets.map(({ facts, capabilities }) => [facts.name, capabilities]),
        ),
        exclusions,
        rates: [],
        currency: "CNY",
      });
      const explanation = explainNoOffer({
        ...plan,
        candidates: plan.ranked.map(({ candidate }) => candidate),
      });
      return {
        candidates: plan.ranked.map(({ candidate, offer }) => ({
          offer,
          pricePerHour: candidate.pricePerHour,
          totalPrice: candidate.totalPrice,
          reason: candidate.reason,
          capabilities: capabilitiesOf(platforms, offer.platform),
        })),
        missing,
        ...(explanation === undefined ? {} : { explanation }),
      };
    },
    async connect({ platform, lease }, { signal }) {
      const market = markets.find(({ facts }) => facts.name === platform.name);
      const machine = market?.machines().find((each) => each.leaseId === lease.leaseId);
      if (machine === undefined)
        throw new PlatformError("unreachable", "no such machine", { scope: "host" });
      const session = createSimSession({
        host: machine.host,
        timeline,
        process,
        latencyMs: market?.facts.latencyMs ?? 0,
        isOpen: (way) => isOpen(machine, way),
      });
      await session.readFacts({ signal });
      return session;
    },
    files: createSimFiles(world.disk, process),
    sshPublicKey: async () => "ssh-ed25519 AAAA simulation",
    resolveSecrets: async () => ({ values: {}, missing: [] }),
    staysAwake: () => !scenario.faults.some((fault) => fault.kind === "suspend"),
    isOnline: async () => !isOffline(),
    observe(event) {
      if (world.trace === undefined) return;
      if (event.type === "journal")
        world.trace(`${process.name} journal ${JSON.stringify(event.event)}`);
      else if (event.type === "trouble")
        world.trace(
          `${process.name} ${event.operation}: ${event.failure.kind}: ${event.failure.message}`,
        );
    },
    crashPoint: (name) => process.pass(name),
  };
}

/** What reaches what for the `number`-th that drives, at this moment. */
function createNetwork(
  { scenario, timeline, struck }: SharedWorld,
  number: number,
): {
  readonly isOffline: () => boolean;
  readonly isOpen: (machine: Machine, way: "up" | "down") => boolean;
} {
  const isOffline = (): boolean => {
    const now = timeline.now();
    const isSo = scenario.faults.some((fault) => isOff(fault, "offline", number, now));
    if (isSo) struck.add("offline");
    return isSo;
  };
  return {
    isOffline,
    isOpen(machine, way) {
      if (isOffline()) return false;
      const now = timeline.now();
      const cut = scenario.faults.find((fault) => isCut(fault, machine, way, number, now));
      if (cut?.kind === "partition") struck.add(`partition ${cut.way}`);
      return cut === undefined;
    },
  };
}

/** All platforms as one process sees them. */
export function createPlatforms(
  world: SharedWorld,
  process: DriverProcess,
  number: number,
): ReadonlyMap<string, EnginePlatform> {
  const { scenario, timeline, markets } = world;
  const { isOffline, isOpen } = createNetwork(world, number);
  const platforms = new Map<string, EnginePlatform>();
  for (const [index, market] of markets.entries()) {
    const api = createSimApi({
      market,
      index,
      timeline,
      process,
      faults: scenario.faults,
      counts: world.counts,
      struck: world.struck,
      isOffline,
      canReach: (machine) =>
        machine.host.isUp() && isOpen(machine, "up") && isOpen(machine, "down"),
      forgetsTokens: world.mutant?.forgetsTokens === true,
    });
    platforms.set(market.facts.name, {
      name: market.facts.name,
      platform: weaken(api, world.mutant),
      capabilities: market.capabilities,
      timeouts: world.timeouts,
    });
  }
  return platforms;
}

function missingFor(platform: string, error: unknown): PlanMissing {
  const failure = toFailure(error);
  return { platform, reason: failure.message, failure };
}

function capabilitiesOf(
  platforms: ReadonlyMap<string, EnginePlatform>,
  name: string,
): Capabilities {
  const found = platforms.get(name);
  if (found === undefined) throw new GpujobError("config_invalid", `No platform ${name}.`);
  return found.capabilities;
}

function isOff(fault: Fault, kind: "offline" | "store-down", driver: number, now: number): boolean {
  if (fault.kind !== kind || fault.driver !== driver) return false;
  return now >= fault.atMs && now < fault.atMs + fault.ms;
}

function isCut(
  fault: Fault,
  machine: Machine,
  way: "up" | "down",
  driver: number,
  now: number,
): boolean {
  if (fault.kind !== "partition" || fault.machine !== machine.number) return false;
  if (fault.driver !== undefined && fault.driver !== driver) return false;
  if (fault.way !== "both" && fault.way !== way) return false;
  const from = machine.upAt + fault.afterMs;
  return now >= from && now < from + fault.ms;
}

/** Puts the mutant between the engine and the platform. */
function weaken(platform: Platform, mutant: Mutant | undefined): Platform {
  if (mutant?.believesRelease === true) {
    const asked = new Set<string>();
    return {
      ...platform,
      async releaseLease(leaseId, wait) {
        asked.add(leaseId);
        return platform.releaseLease(leaseId, wait);
      },
      async getLease(leaseId, wait) {
        const lease = await platform.getLease(leaseId, wait);
        return lease !== undefined && asked.has(leaseId)
          ? { ...lease, state: "ended", isBillable: false }
          : lease;
      },
    };
  }
  if (mutant?.isBlind === true) return { ...platform, listLeases: async () => [] };
  return platform;
}

/** The shared store through one process, which may die at each call or find it closed for a while. */
function createProcessStore(world: SharedWorld, process: DriverProcess, number: number): Store {
  const { store, timeline, mutant } = world;

  function call<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return process.call(name, () => {
      const now = timeline.now();
      const isDown = world.scenario.faults.some((fault) => isOff(fault, "store-down", number, now));
      if (!isDown) return work();
      world.struck.add("store-down");
      throw new GpujobError("store", "The store cannot be reached.");
    });
  }

  async function current(runId: string, epoch: number): Promise<number> {
    return (await store.readLock(runId))?.epoch ?? epoch;
  }

  /** Without the epoch a driver writes over whatever another has written. */
  async function weakenCommit(commit: Commit): Promise<Commit> {
    const { runId, epoch } = commit;
    const expectedSeq = (await store.loadRun(runId))?.seq ?? 0;
    return { ...commit, epoch: await current(runId, epoch), expectedSeq };
  }

  return {
    ...store,
    readValue: (name) => call("readValue", async () => world.values.get(name)),
    putValue: (name, value) => call("putValue", async () => void world.values.set(name, value)),
    loadRun: (runId) => call("loadRun", () => store.loadRun(runId)),
    listEffects: (runId) =>
      call("listEffects", async () => {
        const rows = await store.listEffects(runId);
        return mutant?.forgetsTries === true ? rows.map((row) => ({ ...row, tries: 0 })) : rows;
      }),
    listWishes: (runId) => call("listWishes", () => store.listWishes(runId)),
    takeLock: (runId, owner, ttlMs, now) =>
      call("takeLock", () => store.takeLock(runId, owner, ttlMs, now)),
    renewLock: (lock, ttlMs, now) =>
      call("renewLock", async () => {
        const renewed = await store.renewLock(lock, ttlMs, now);
        return renewed === undefined && mutant?.storeIgnoresEpoch === true
          ? { ...lock, expiresAt: now + ttlMs }
          : renewed;
      }),
    releaseLock: (lock) => call("releaseLock", () => store.releaseLock(lock)),
    beginEffect: (effectId, epoch, at) =>
      call("beginEffect", async () => {
        if (mutant?.storeIgnoresEpoch !== true) return store.beginEffect(effectId, epoch, at);
        const runId = effectId.slice(0, effectId.indexOf("/"));
        return store.beginEffect(effectId, await current(runId, epoch), at);
      }),
    commit: (commit) =>
      call("commit", async () => {
        const isWhole = mutant?.storeIgnoresEpoch !== true;
        const result = await store.commit(isWhole ? commit : await weakenCommit(commit));
        world.onCommit(commit);
        return result;
      }),
  };
}
