// A driver process with many runs, for the benchmark `many-runs`: FILE begin|resume COUNT.
import { createFakePlatform, createRealClock } from "@gpujob/adapter-kit/testing";
import type { FakePlatform } from "@gpujob/adapter-kit/testing";
import { defaultTempo, driveRun, submitRun } from "@gpujob/engine";
import type { EnginePorts, Submission } from "@gpujob/engine";
import { rankOffers } from "@gpujob/scheduler";
import type { Clock } from "@gpujob/spec";
import { openStore } from "@gpujob/store";
import type { Store } from "@gpujob/store";
import { createFakeHost } from "@gpujob/test/stories/support/fake-host.ts";
import type { FakeHost } from "@gpujob/test/stories/support/fake-host.ts";
import { testJob, testOffer } from "@gpujob/test/stories/support/world.ts";

/** Milliseconds since the store was opened. */
export interface FleetReport {
  /** Every run is loaded and locked, and its unfinished effects are listed and started. */
  readonly scheduledMs: number;
  /** Every run has begun an effect, or, after `begin`, its job runs. */
  readonly begunMs: number;
}

const timeouts = { bootMs: 600_000, offersMs: 3000, releaseMs: 120_000, unreachableMs: 300_000 };

function makeSubmission(runId: string, submittedAt: number): Submission {
  return {
    runId,
    installation: "inst0001",
    job: testJob({ name: runId }),
    submittedAt,
    currency: "CNY",
    rates: [],
    timeouts,
    tether: "auto",
    isDetached: false,
    uploadBytes: 0,
    outputFolder: "/outputs",
  };
}

interface Fleet {
  readonly store: Store;
  readonly clock: Clock;
  readonly fake: FakePlatform;
  readonly owner: string;
  readonly onStarted: () => void;
  readonly onPass: () => void;
}

/** Ports of one run: everything but store, platform and host is nothing. */
function makePorts({ store, clock, fake, owner, onStarted, onPass }: Fleet): EnginePorts {
  const hosts = new Map<string, FakeHost>();
  const script = { workMs: 3_600_000, exitCode: 0 };
  return {
    store,
    clock,
    newId,
    owner,
    tempo: defaultTempo,
    platform: (name) => ({
      name,
      platform: fake.platform,
      capabilities: fake.capabilities,
      timeouts,
    }),
    async makePlan({ job }, exclusions, { signal }) {
      const { capabilities } = fake;
      const plan = rankOffers({
        job,
        offers: await fake.platform.listOffers({}, { signal }),
        missing: [],
        capabilitiesByPlatform: { fake: capabilities },
        exclusions,
        rates: [],
        currency: "CNY",
      });
      const candidates = plan.ranked.map(({ candidate, offer }) => ({
        offer,
        pricePerHour: candidate.pricePerHour,
        totalPrice: candidate.totalPrice,
        reason: candidate.reason,
        capabilities,
      }));
      return { candidates, missing: [] };
    },
    async connect({ lease }) {
      const host =
        hosts.get(lease.leaseId) ??
        createFakeHost({ clock, script, checkpointOf: () => undefined, number: hosts.size });
      hosts.set(lease.leaseId, host);
      return host.connect();
    },
    files: {
      listUploads: async () => [],
      logSize: async () => 0,
      appendLog: async () => undefined,
      saveCheckpoint: async () => undefined,
      loadCheckpoint: async () => [],
      collectOutputs: async () => ({ files: [], skipped: [] }),
    },
    sshPublicKey: async () => "ssh-ed25519 AAAA bench",
    resolveSecrets: async () => ({ values: {}, missing: [] }),
    staysAwake: () => true,
    isOnline: async () => true,
    observe: (event) => {
      if (event.type === "journal" && event.event.type === "job-started") onStarted();
    },
    crashPoint: (name) => {
      if (name.startsWith("before:")) onPass();
    },
  };
}

let ids = 0;
function newId(): string {
  return `id${process.pid}x${String((ids += 1)).padStart(8, "0")}`;
}

/** A clock on which the locks of a dead process have run out; `gpujob` itself sees that the process is gone. */
function shiftedClock(byMs: number): Clock {
  const real = createRealClock();
  return { ...real, now: () => real.now() + byMs };
}

async function main(path: string, mode: string, count: number): Promise<void> {
  const clock = shiftedClock(mode === "resume" ? 60_000 : 0);
  const startedAt = performance.now();
  const store = await openStore({ path, clock, newId });
  const fake = createFakePlatform({
    clock,
    name: "fake",
    offers: [testOffer("a", "fake", 1_000_000, { availability: count * 2 })],
  });
  const { signal } = new AbortController();
  const names = Array.from({ length: count }, (_, index) => `r-${String(index).padStart(6, "0")}`);
  if (mode === "begin") {
    for (const runId of names) await submitRun(store, makeSubmission(runId, clock.now()));
  }
  const runs = await store.listRuns({ active: true });
  const begun = new Set<string>();
  const all = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  let locks = 0;
  for (const { runId } of runs) {
    const mark = (): void => {
      begun.add(runId);
      if (begun.size === runs.length) all.resolve();
    };
    const owner = `bench-${process.pid}`;
    const counting = countEffects(store, () => (locks += 1) === runs.length && locked.resolve());
    const onStarted = mode === "begin" ? mark : () => undefined;
    const onPass = mode === "begin" ? () => undefined : mark;
    const ports = makePorts({ store: counting, clock, fake, owner, onStarted, onPass });
    driveRun(ports, runId, { signal }).catch((error: unknown) => {
      process.stderr.write(`${runId}: ${String(error)}\n`);
      process.exit(1);
    });
  }
  await locked.promise;
  const scheduledMs = performance.now() - startedAt;
  await all.promise;
  const report: FleetReport = { scheduledMs, begunMs: performance.now() - startedAt };
  process.send?.(JSON.stringify(report));
}

/** Tells when a run's unfinished effects have first been listed: what follows starts them. */
function countEffects(store: Store, onFirst: () => void): Store {
  let isFirst = true;
  return {
    ...store,
    async listEffects(runId) {
      const rows = await store.listEffects(runId);
      if (isFirst) queueMicrotask(onFirst);
      isFirst = false;
      return rows;
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const [, , path = "", mode = "", count = ""] = process.argv;
  await main(path, mode, Number(count));
}
