import { driveRun, readStored, submitRun } from "@gpujob/engine";
import type { DriveEnd, RunEvent, Submission } from "@gpujob/engine";
import type { JobSpec, Timeouts } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { Commit, Store } from "@gpujob/store";
import { check } from "./checkers.ts";
import type { Violation } from "./checkers.ts";
import { createDriverProcess } from "./driver-process.ts";
import type { DriverProcess, Fate } from "./driver-process.ts";
import type { Mutant } from "./mutants.ts";
import { createRandom } from "./random.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { createHomeDisk } from "./sim-files.ts";
import type { HomeDisk } from "./sim-files.ts";
import { createSimHost } from "./sim-host.ts";
import type { SimHost } from "./sim-host.ts";
import { createSimMarket } from "./sim-market.ts";
import type { SimMarket } from "./sim-market.ts";
import { createSimPorts } from "./sim-ports.ts";
import type { SharedWorld } from "./sim-ports.ts";
import { sweepUntilClean } from "./sweep.ts";
import { createTimeline } from "./timeline.ts";
import type { Timeline } from "./timeline.ts";
import { epochMs } from "./world-time.ts";

/** What a history left behind, for the checkers. */
export interface Remains {
  readonly scenario: Scenario;
  readonly runId: string;
  readonly store: Store;
  readonly submission: Submission;
  readonly markets: readonly SimMarket[];
  readonly hosts: readonly SimHost[];
  readonly disk: HomeDisk;
  /** Milliseconds of the timeline. */
  readonly nowMs: number;
  readonly isSettled: boolean;
  /** Attempts whose job was over and whose outputs were to be fetched. */
  readonly collecting: ReadonlySet<number>;
  /** Leases of whose end the user has given a word. */
  readonly vouched: ReadonlySet<string>;
  /** What was wrong while it went on. */
  readonly noticed: readonly Violation[];
}

export interface HistoryOptions {
  readonly scenario: Scenario;
  readonly store: Store;
  /** Unique in the store. */
  readonly runId: string;
  readonly mutant?: Mutant;
  readonly trace?: (atMs: number, line: string) => void;
}

export interface HistoryResult {
  readonly violations: readonly Violation[];
  /** Waits that ended: how much happened. */
  readonly turns: number;
  /** Processes that drove, one after the other or two at once. */
  readonly drivers: number;
  readonly endedAtMs: number;
  /** Faults that did strike, by name; one that was planned for later than the end is not among them. */
  readonly struck: ReadonlySet<string>;
}

const timeouts: Timeouts = {
  bootMs: 120_000,
  offersMs: 3000,
  releaseMs: 60_000,
  unreachableMs: 60_000,
};
/** Whoever has not come to an end by then, never will. */
const endOfTimeMs = 24 * 3_600_000;
const mostDrivers = 60;

/** Plays one history from its scenario to its end and checks what is left. */
export async function playHistory(options: HistoryOptions): Promise<HistoryResult> {
  const { scenario, store, runId, mutant } = options;
  const random = createRandom(scenario.seed);
  const timeline = createTimeline(random);
  const trace = options.trace && ((line: string) => options.trace?.(timeline.now(), line));
  const submission = submissionOf(scenario, runId);
  const noticed: Violation[] = [];
  const collecting = new Set<number>();
  const hosts: SimHost[] = [];
  const disk = createHomeDisk();
  const begun = new Set<number>();
  let limitAtMs = Number.POSITIVE_INFINITY;
  let newestCheckpointMs = 0;
  const struck = new Set<string>();
  let isSettled = false;
  let ids = 0;

  const markets = scenario.platforms.map((facts, index) => {
    const owned = new Map<string, { readonly host: SimHost; readonly number: number }>();
    return createSimMarket({
      facts,
      now: () => timeline.now(),
      at: (atMs, action) => timeline.at(atMs, action),
      onStrike: (how) => void struck.add(`machine ${how}`),
      isSoldOut() {
        const now = timeline.now();
        const isSo = scenario.faults.some(
          (fault) =>
            fault.kind === "sold-out" &&
            fault.platform === index &&
            now >= fault.atMs &&
            now < fault.atMs + fault.ms,
        );
        if (isSo) struck.add("sold-out");
        return isSo;
      },
      faultsOf: (machine) =>
        scenario.faults.filter(isOfMachine).filter((fault) => fault.machine === machine),
      makeHost({ offerId, upAt, powerOff }) {
        const known = facts.release === "api" ? undefined : owned.get(offerId);
        if (known !== undefined) return { ...known, isNew: false };
        const number = hosts.length + 1;
        const host = createSimHost({
          name: `${facts.name}-host-${number}`,
          now: () => timeline.now(),
          job: scenario.job,
          bootedAt: upAt,
          tickMs: random.int(0, 900),
          weakness: {
            ignoresEpoch: mutant?.hostsIgnoreEpoch === true,
            neverFreezes: mutant?.neverFreezes === true,
            startsAgain: mutant?.startsAgain === true,
          },
          powerOff,
          onStart(attempt, rank, resumedMs) {
            trace?.(`host ${number} starts job ${attempt}/${rank} at ${resumedMs}`);
            // What was sent before the limit may be on its way yet.
            const isOnTheWay = facts.latencyMs > 0 && timeline.now() <= limitAtMs + facts.latencyMs;
            if (limitAtMs <= timeline.now() && !isOnTheWay && !begun.has(attempt))
              noticed.push({
                kind: "limit",
                what: `attempt ${attempt} began after a limit was reached`,
              });
            begun.add(attempt);
            if (rank === 0 && resumedMs < newestCheckpointMs)
              noticed.push({
                kind: "lost",
                what: `attempt ${attempt} began at ${resumedMs} ms of work, ${newestCheckpointMs} were saved`,
              });
          },
        });
        hosts.push(host);
        owned.set(offerId, { host, number });
        return { host, number, isNew: true };
      },
    });
  });

  const world: SharedWorld = {
    scenario,
    timeline,
    store,
    disk,
    markets,
    counts: { creates: 0, releases: 0 },
    timeouts: { ...timeouts, orphanMs: scenario.job.orphanMs },
    mutant,
    values: new Map(),
    vouched: new Set(),
    newId: () => `id${(ids += 1)}`,
    installation: submission.installation,
    wallOffsetMs: () => wallOffset(scenario, timeline.now(), struck),
    struck,
    onCommit(commit: Commit) {
      if (commit.settledAt !== undefined) isSettled = true;
      if (commit.state === "queued") struck.add("queue");
      if (commit.event.type === "lease-created" && commit.snapshot.includes('"isHedge":true'))
        struck.add("hedge");
      if (commit.event.type === "timer-fired" && isLimit(commit.event.data))
        limitAtMs = Math.min(limitAtMs, timeline.now());
      if (commit.event.type === "job-exited" && commit.state === "collecting") {
        const event = readStored<RunEvent>(commit.event.data);
        if (event.type === "job-exited") collecting.add(event.attempt);
      }
      if (commit.event.type !== "checkpoint-saved") return;
      const event = readStored<RunEvent>(commit.event.data);
      if (event.type === "checkpoint-saved") newestCheckpointMs = event.checkpoint.bytes;
    },
    ...(trace === undefined ? {} : { trace }),
  };

  await submitRun(store, submission);
  const crew = createCrew({ world, runId, isSettled: () => isSettled, noticed });
  scheduleWorld(world, crew, runId);
  crew.start();
  await timeline.run(() => isSettled && crew.isIdle(), endOfTimeMs);
  const remains = (): Remains => ({
    scenario,
    runId,
    store,
    submission,
    markets,
    hosts,
    disk,
    nowMs: timeline.now(),
    isSettled,
    collecting,
    vouched: world.vouched,
    noticed,
  });
  if (isSettled && !crew.isIdle())
    noticed.push({ kind: "stuck", what: "a driver goes on although the run is settled" });
  const violations = [...(await check(remains(), "settled"))];
  violations.push(...(await sweepUntilClean(world, runId)));
  violations.push(...(await check(remains(), "swept")));
  crew.disperse();
  return {
    violations,
    turns: timeline.turns(),
    drivers: crew.processes.length,
    endedAtMs: timeline.now(),
    struck,
  };
}

/** Is a timer's event about time or money that is used up? */
function isLimit(data: string): boolean {
  const event = readStored<RunEvent>(data);
  return event.type === "timer-fired" && (event.timer === "time-limit" || event.timer === "budget");
}

function isOfMachine(fault: Fault): fault is Fault & { readonly kind: "machine" } {
  return fault.kind === "machine";
}

interface Crew {
  /** Another process begins to drive; false once nothing is left to drive. */
  start(): boolean;
  /** Does no process of it do anything any more? */
  isIdle(): boolean;
  readonly processes: readonly DriverProcess[];
  /** Asks one to let go; false when there is no such process yet. */
  handOver(driver: number): boolean;
  /** Ends all of it, so that nothing is kept in memory. */
  disperse(): void;
}

/** The drivers of a history, one after the other and sometimes two at once. */
function createCrew(options: {
  readonly world: SharedWorld;
  readonly runId: string;
  readonly isSettled: () => boolean;
  readonly noticed: Violation[];
}): Crew {
  const { world, runId } = options;
  const { timeline, scenario } = world;
  const processes: DriverProcess[] = [];
  const controllers: AbortController[] = [];
  const ended = new Set<DriverProcess>();

  function fatesOf(number: number): Fate[] {
    return scenario.faults.flatMap((fault): Fate[] => {
      if (fault.kind === "crash" && fault.driver === number)
        return [{ atStep: fault.step, do: "die" }];
      if (fault.kind === "stop" && fault.driver === number)
        return [
          {
            atStep: fault.step,
            do: "stop",
            forMs: fault.ms,
            ...(fault.takeoverMs === undefined ? {} : { takeoverMs: fault.takeoverMs }),
          },
        ];
      return [];
    });
  }

  /** Somebody looks whether anybody drives, as every command does. */
  function ensureLater(ms: number): void {
    timeline.at(timeline.now() + ms, () => {
      if (options.isSettled()) return;
      const isDriven = processes.some((each) => !each.isDead() && !ended.has(each));
      if (!isDriven) start();
    });
  }

  function onFate(fate: Fate, process: DriverProcess): void {
    world.struck.add(fate.do === "die" ? "crash" : "stop");
    world.trace?.(
      `${process.name} ${fate.do === "die" ? "dies" : `stands still for ${fate.forMs} ms`}`,
    );
    if (fate.do === "die") return ensureLater(scenario.restartMs);
    if (fate.takeoverMs !== undefined) timeline.at(timeline.now() + fate.takeoverMs, () => start());
  }

  function start(): boolean {
    if (processes.length >= mostDrivers || options.isSettled()) return false;
    const number = processes.length + 1;
    const process: DriverProcess = createDriverProcess({
      name: `driver-${number}`,
      timeline,
      fates: fatesOf(number),
      wallOffsetMs: world.wallOffsetMs,
      onFate: (fate) => onFate(fate, process),
    });
    const controller = new AbortController();
    processes.push(process);
    controllers.push(controller);
    world.trace?.(`${process.name} begins`);
    const ports = createSimPorts(world, process, number);
    driveRun(ports, runId, { signal: controller.signal }).then(
      (end: DriveEnd) => onEnd(process, end.kind),
      (error: unknown) => {
        const isExpected = GpujobError.is(error) && error.kind === "store";
        if (!isExpected && !process.isDead())
          options.noticed.push({ kind: "stuck", what: `a driver threw: ${String(error)}` });
        onEnd(process, "threw");
      },
    );
    return true;
  }

  function onEnd(process: DriverProcess, kind: DriveEnd["kind"] | "threw"): void {
    if (process.isDead()) return;
    ended.add(process);
    world.trace?.(`${process.name} ends: ${kind}`);
    if (kind === "settled") return;
    // A lock that a dead driver left, or that seems to hold for long because the clock was set back, is tried again.
    ensureLater(kind === "handed-over" ? scenario.restartMs : 20_000 * 1.1 ** processes.length);
  }

  return {
    start,
    processes,
    isIdle: () => processes.every((each) => each.isDead() || ended.has(each)),
    handOver(driver) {
      controllers[driver - 1]?.abort(new GpujobError("aborted", "hand-over"));
      return driver <= controllers.length;
    },
    disperse() {
      for (const process of processes) process.kill();
      for (const controller of controllers) controller.abort();
    },
  };
}

function wallOffset({ faults }: Scenario, now: number, struck: Set<string>): number {
  let offset = 0;
  for (const fault of faults) {
    if (fault.kind === "wall-jump" && now >= fault.atMs) offset += fault.ms;
  }
  if (offset !== 0) struck.add("wall-jump");
  return offset;
}

/** What happens at fixed times, whoever drives. */
function scheduleWorld(world: SharedWorld, crew: Crew, runId: string): void {
  const { timeline, store } = world;
  for (const fault of world.scenario.faults) {
    if (fault.kind === "suspend") {
      timeline.at(fault.atMs, () => {
        if (!crew.isIdle()) world.struck.add("suspend");
        for (const process of crew.processes) process.suspend(fault.ms);
      });
    }
    if (fault.kind === "second-driver")
      timeline.at(fault.atMs, () => {
        if (crew.start()) world.struck.add("second-driver");
      });
    if (fault.kind === "hand-over")
      timeline.at(fault.atMs, () => {
        if (crew.handOver(fault.driver)) world.struck.add("hand-over");
      });
    if (fault.kind === "wish" || fault.kind === "keep-ended")
      timeline.at(fault.atMs, () => {
        if (!crew.isIdle()) world.struck.add(fault.kind);
        void wish(store, runId, fault, timeline);
      });
  }
  vouchNowAndThen(world, runId);
}

async function wish(
  store: Store,
  runId: string,
  fault: Fault & { readonly kind: "wish" | "keep-ended" },
  timeline: Timeline,
): Promise<void> {
  const at = epochMs + timeline.now();
  if (fault.kind === "keep-ended")
    return store.addWish({ runId, kind: "keep-ended", payload: "{}", at });
  const payload = JSON.stringify({ reason: "cancelled", isNow: fault.isNow });
  await store.addWish({ runId, kind: "stop", payload, at });
}

/** A host of the user's own that has vanished proves nothing by itself: after half an hour its owner says so. */
function vouchNowAndThen(world: SharedWorld, runId: string): void {
  const { timeline, store } = world;
  const look = async (): Promise<void> => {
    for (const row of await store.listLeases({ runId, open: true })) {
      const market = world.markets.find(({ facts }) => facts.name === row.platform);
      const machine = market?.machines().find((each) => each.leaseId === row.leaseId);
      if (market === undefined || market.facts.release === "api" || machine === undefined) continue;
      if (timeline.now() - machine.host.endsAt() < 1_800_000) continue;
      const payload = JSON.stringify({ leaseKey: row.leaseKey });
      world.vouched.add(row.leaseKey);
      await store.addWish({ runId, kind: "vouch", payload, at: epochMs + timeline.now() });
    }
    if ((await store.loadRun(runId))?.settledAt === undefined)
      timeline.at(timeline.now() + 1_800_000, () => void look());
  };
  if (world.markets.some(({ facts }) => facts.release !== "api"))
    timeline.at(1_800_000, () => void look());
}

function submissionOf(scenario: Scenario, runId: string): Submission {
  return {
    runId,
    installation: "inst0001",
    job: jobOf(scenario),
    submittedAt: epochMs,
    currency: "CNY",
    rates: [],
    timeouts: { ...timeouts, orphanMs: scenario.job.orphanMs },
    tether: scenario.job.tether,
    isDetached: false,
    uploadBytes: 0,
    outputFolder: "/outputs",
  };
}

function jobOf({ job }: Scenario): JobSpec {
  return {
    name: "simulated",
    resources: {
      gpus: [],
      isOrderedPreference: false,
      nodes: job.nodes,
      interconnect: "any",
      fabric: { kind: "any" },
    },
    market: "auto",
    regions: [],
    platforms: { allow: [], deny: [], prefer: [] },
    files: [],
    environment: {},
    secrets: {},
    run: "train",
    outputs: ["result"],
    ...(job.checkpointMs === undefined
      ? {}
      : {
          checkpoint: {
            path: "ckpt",
            everyMs: job.checkpointMs,
            signal: "SIGTERM",
            graceMs: 5000,
            store: "local" as const,
            keep: 2,
          },
        }),
    expectedTimeMs: 3_600_000,
    limits: {
      timeMs: job.timeLimitMs,
      holdMs: job.holdMs,
      ...(job.budgetMicros === undefined
        ? {}
        : { budget: { currency: "CNY", micros: job.budgetMicros } }),
    },
    retry: { interruptions: job.retryInterruptions, failures: job.retryFailures, rules: [] },
    ...(job.queueMs === undefined ? {} : { queueMs: job.queueMs }),
    ...(job.hedge === undefined ? {} : { hedge: job.hedge }),
    ...(job.keepMs === undefined ? {} : { keepMs: job.keepMs }),
    ports: [],
    labels: {},
    profile: "cheapest",
  };
}
