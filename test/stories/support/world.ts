import { createFakePlatform, createTestClock, createTestOffer } from "@gpujob/adapter-kit/testing";
import type { FakePlatform, FakePlatformOptions, TestClock } from "@gpujob/adapter-kit/testing";
import { defaultTempo, driveRun, submitRun, viewRun } from "@gpujob/engine";
import type { DriveEnd, EnginePorts, Submission } from "@gpujob/engine";
import { explainNoOffer, rankOffers } from "@gpujob/scheduler";
import type { JobSpec, Lease, Offer, Platform, RunView } from "@gpujob/spec";
import { PlatformError, toFailure } from "@gpujob/spec";
import { openStore } from "@gpujob/store";
import type { Store } from "@gpujob/store";
import { createFakeHost } from "./fake-host.ts";
import type { FakeHost, JobScript, Progress } from "./fake-host.ts";

/** What a story begins with. */
export interface WorldOptions {
  /** By platform name; each gets its own fake market. */
  readonly platforms: Readonly<Record<string, Omit<FakePlatformOptions, "clock" | "name">>>;
  readonly script?: Partial<JobScript>;
  readonly job?: Partial<JobSpec>;
  /** What comes home from each machine. @default 0 */
  readonly outputBytes?: number;
  /** Does the job write its checkpoint faster than it can be copied, at the moment? */
  readonly isRestless?: () => boolean;
  /** What a platform says of a machine, where that is not what the fake one would: a boot that ended its reservation. */
  readonly showLease?: (lease: Lease) => Lease;
  /** The end of an attempt's log. */
  readonly logTail?: (attempt: number) => string;
}

/** A whole world in memory on a simulated clock: platforms, machines, store, files. It outlives every driver. */
export interface World {
  readonly clock: TestClock;
  readonly store: Store;
  readonly platforms: Readonly<Record<string, FakePlatform>>;
  readonly runId: string;
  /** Machine of a lease. */
  readonly host: (leaseId: string) => FakeHost;
  readonly hosts: () => readonly FakeHost[];
  /** Drives until the end, or until the signal; `crashAt` dies at a crash point, with `@N` at its N-th pass. */
  readonly drive: (options?: {
    readonly signal?: AbortSignal;
    readonly crashAt?: string;
    readonly owner?: string;
    readonly onPass?: (name: string) => void;
  }) => Promise<DriveEnd | "crashed">;
  readonly view: () => Promise<RunView>;
  readonly eventTypes: () => Promise<readonly string[]>;
}

export function testJob(job: Partial<JobSpec> = {}): JobSpec {
  return {
    name: "story",
    resources: {
      gpus: [],
      isOrderedPreference: false,
      nodes: 1,
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
    outputs: [],
    expectedTimeMs: 3_600_000,
    limits: { timeMs: 86_400_000, holdMs: 28_800_000 },
    retry: { interruptions: 5, failures: 0, rules: [] },
    ports: [],
    labels: {},
    profile: "cheapest",
    ...job,
  };
}

export function testOffer(
  offerId: string,
  platform: string,
  micros: number,
  more: Partial<Offer> = {},
): Offer {
  return createTestOffer({
    offerId,
    platform,
    price: {
      perHour: { currency: "CNY", micros },
      billing: { unitSeconds: 1, minimumSeconds: 0 },
      source: "live",
    },
    ...more,
  });
}

class Crash extends Error {}

export async function createWorld(options: WorldOptions): Promise<World> {
  const clock = createTestClock({ auto: true });
  const script: JobScript = { workMs: 60_000, exitCode: 0, ...options.script };
  const platforms = Object.fromEntries(
    Object.entries(options.platforms).map(([name, each]) => [
      name,
      createFakePlatform({ ...each, name, clock }),
    ]),
  );
  let ids = 0;
  const newId = (): string => `id${String((ids += 1)).padStart(10, "0")}`;
  const store = await openStore({ path: ":memory:", clock, newId });
  const hosts = new Map<string, FakeHost>();
  const checkpoints = new Map<string, Progress>();
  const job = testJob(options.job);
  const submission: Submission = {
    runId: "r-story1",
    installation: "inst0001",
    job,
    submittedAt: clock.now(),
    currency: "CNY",
    rates: [],
    timeouts: { bootMs: 600_000, offersMs: 3000, releaseMs: 120_000, unreachableMs: 300_000 },
    tether: "auto",
    isDetached: false,
    uploadBytes: 0,
    outputFolder: "/outputs",
  };
  await submitRun(store, submission);

  function hostOf(leaseId: string): FakeHost {
    const known = hosts.get(leaseId);
    if (known !== undefined) return known;
    const host = createFakeHost({
      number: hosts.size + 1,
      clock,
      script,
      checkpointOf: ({ runId }) => checkpoints.get(runId),
    });
    hosts.set(leaseId, host);
    return host;
  }

  function portsFor(owner: string, crashPoint: (name: string) => void): EnginePorts {
    return {
      store,
      clock,
      newId,
      owner,
      tempo: { ...defaultTempo, watchMs: 1000 },
      platform: (name) => {
        const fake = platforms[name];
        if (fake === undefined) throw new Error(`no platform ${name}`);
        return {
          name,
          platform: showing(fake.platform, options.showLease),
          capabilities: fake.capabilities,
          timeouts: submission.timeouts,
        };
      },
      async makePlan({ job: asked }, exclusions, { signal }) {
        const answers = await Promise.all(
          Object.entries(platforms).map(async ([name, each]) =>
            each.platform
              .listOffers({}, { signal })
              .catch((error: unknown) => ({ name, failure: toFailure(error) })),
          ),
        );
        const offers = answers.flatMap((answer) => ("failure" in answer ? [] : answer));
        const missing = answers.flatMap((answer) =>
          "failure" in answer
            ? [{ platform: answer.name, reason: answer.failure.message, failure: answer.failure }]
            : [],
        );
        const capabilitiesByPlatform = Object.fromEntries(
          Object.entries(platforms).map(([name, each]) => [name, each.capabilities]),
        );
        const plan = rankOffers({
          job: asked,
          offers,
          missing,
          capabilitiesByPlatform,
          exclusions,
          rates: [],
          currency: "CNY",
          nowMs: clock.now(),
        });
        const candidates = plan.ranked.map(({ candidate, offer }) => ({
          offer,
          pricePerHour: candidate.pricePerHour,
          totalPrice: candidate.totalPrice,
          reason: candidate.reason,
          capabilities: capabilitiesByPlatform[offer.platform] ?? fail(offer.platform),
        }));
        const explanation = explainNoOffer({
          ...plan,
          candidates: plan.ranked.map((each) => each.candidate),
        });
        return { candidates, missing, ...(explanation === undefined ? {} : { explanation }) };
      },
      async connect({ platform, lease }) {
        const machine = platforms[platform.name]
          ?.machines()
          .find((each) => each.leaseId === lease.leaseId);
        if (machine?.state !== "up")
          throw new PlatformError("unreachable", "no such machine", { scope: "host" });
        const session = hostOf(lease.leaseId).connect();
        await session.readFacts({ signal: new AbortController().signal });
        return session;
      },
      files: {
        listUploads: async () => [],
        logSize: async () => 0,
        appendLog: async () => undefined,
        readLogTail: async (_runId, attempt) => options.logTail?.(attempt) ?? "",
        async saveCheckpoint(session, attempt, { signal }) {
          await session.list(attempt, { globs: [] }, { signal });
          const spoilt = { path: "ckpt/model", reason: "it is written anew" };
          if (options.isRestless?.() === true) return { skipped: [spoilt] };
          const doneMs = Math.max(0, ...[...hosts.values()].map((host) => host.progress().doneMs));
          checkpoints.set(attempt.runId, { doneMs });
          return { checkpoint: { checkpointId: `c${doneMs}`, files: 1, bytes: 1 }, skipped: [] };
        },
        loadCheckpoint: async (runId: string) => {
          const saved = checkpoints.get(runId);
          return saved === undefined
            ? []
            : [
                {
                  path: "state",
                  bytes: 1,
                  mode: 0o600,
                  mtimeMs: 0,
                  sha256: "0",
                  open: async function* () {},
                },
              ];
        },
        async collectOutputs(session, attempt, { signal }) {
          await session.list(attempt, { globs: [] }, { signal });
          return { files: [], skipped: [], bytes: options.outputBytes ?? 0 };
        },
      },
      sshPublicKey: async () => "ssh-ed25519 AAAA test",
      resolveSecrets: async () => ({ values: {}, missing: [] }),
      staysAwake: () => true,
      isOnline: async () => true,
      observe: () => undefined,
      crashPoint,
    };
  }

  return {
    clock,
    store,
    platforms,
    runId: submission.runId,
    host: hostOf,
    hosts: () => [...hosts.values()],
    async drive({ signal, crashAt, owner = newId(), onPass } = {}) {
      const crash = new AbortController();
      let isDead = false;
      const [point, nth = "1"] = crashAt?.split("@") ?? [];
      let passesLeft = Number(nth);
      const ports = portsFor(owner, (name) => {
        onPass?.(name);
        if (name === point) passesLeft -= 1;
        if (isDead || (name === point && passesLeft <= 0)) {
          isDead = true;
          crash.abort(new Crash(name));
          throw new Crash(name);
        }
      });
      const alive = new AbortController();
      const both = AbortSignal.any([
        crash.signal,
        alive.signal,
        ...(signal === undefined ? [] : [signal]),
      ]);
      const driven = driveRun(
        crashAt === undefined ? ports : deadly(ports, () => isDead),
        submission.runId,
        { signal: both },
      );
      // A dead process answers nobody: whatever its driver still threw is part of the crash.
      const end = await driven.catch((error: unknown) => {
        if (isDead) return "crashed" as const;
        throw error;
      });
      return isDead ? "crashed" : end;
    },
    async view() {
      const row = await store.loadRun(submission.runId);
      if (row === undefined) throw new Error("no run");
      return viewRun({
        submission,
        snapshot: JSON.parse(row.snapshot),
        now: clock.now(),
        ...(row.settledAt === undefined ? {} : { settledAt: row.settledAt }),
      });
    },
    eventTypes: async () => (await store.listEvents(submission.runId)).map((event) => event.type),
  };
}

function showing(platform: Platform, show: WorldOptions["showLease"]): Platform {
  if (show === undefined) return platform;
  return {
    ...platform,
    async getLease(leaseId, wait) {
      const lease = await platform.getLease(leaseId, wait);
      return lease === undefined ? undefined : show(lease);
    },
  };
}

/** A dead process writes nothing more and frees no lock: everything it still tries fails without effect. */
function deadly(ports: EnginePorts, isDead: () => boolean): EnginePorts {
  const store = new Proxy(ports.store, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (isDead()) throw new Crash(String(name));
        return value.apply(target, args);
      };
    },
  });
  return { ...ports, store };
}

function fail(name: string): never {
  throw new Error(`no capabilities for ${name}`);
}
