import type { Capabilities, JobSpec, Offer } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { transition } from "xstate";
import type { Candidate, Submission } from "./context.ts";
import { decide, initialSnapshot } from "./decide.ts";
import type { Snapshot } from "./decide.ts";
import type { RunEvent } from "./events.ts";
import { runMachine } from "./machine.ts";

const at = Date.UTC(2026, 10, 1);
const price = { currency: "CNY", micros: 2_000_000 };
const failure = { kind: "interrupted", message: "It is gone." } as const;

function candidateOf(offerId: string): Candidate {
  const offer: Offer = {
    offerId,
    platform: "one",
    region: "local",
    instanceType: offerId,
    market: "on-demand",
    price: { perHour: price, billing: { unitSeconds: 1, minimumSeconds: 0 }, source: "live" },
    availability: "high",
    observedAt: new Date(at).toISOString(),
  };
  const capabilities: Capabilities = {
    release: offerId === "own" ? "owned" : "api",
    powerOff: "none",
    idempotency: "token",
    autoRelease: true,
    visibilityWindowMs: 0,
    markets: ["on-demand"],
    multiNode: "none",
    tagging: "tags",
    image: false,
    docker: false,
    channel: true,
    interruptionNotice: true,
    capacityCheck: false,
    balance: false,
    charges: false,
  };
  return { offer, capabilities, pricePerHour: price, totalPrice: price, reason: "It fits." };
}

const job: JobSpec = {
  name: "test",
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
  outputs: ["result"],
  expectedTimeMs: 60_000,
  keepMs: 60_000,
  queueMs: 600_000,
  limits: { timeMs: 3_600_000, holdMs: 60_000 },
  retry: { interruptions: 5, failures: 1, rules: [] },
  ports: [],
  labels: {},
  profile: "cheapest",
};

const submission: Submission = {
  runId: "r-test01",
  installation: "inst0001",
  job,
  submittedAt: at,
  currency: "CNY",
  rates: [],
  timeouts: {
    bootMs: 60_000,
    offersMs: 3000,
    releaseMs: 60_000,
    unreachableMs: 60_000,
    orphanMs: 600_000,
  },
  tether: "short",
  isDetached: false,
  uploadBytes: 0,
  outputFolder: "/outputs",
};

/** Everything that might be heard of the newest attempts, likely or not. */
function eventsAbout(attempt: number, now: number): readonly RunEvent[] {
  const of = { at: now, attempt };
  const ref = { ...of, member: 0 };
  return [
    { type: "plan-made", at: now, missing: [], candidates: [] },
    {
      type: "plan-made",
      at: now,
      missing: [],
      candidates: ["own", "a", "b", "c"].map(candidateOf),
    },
    { type: "lease-created", ...ref, leaseId: `lease-${attempt}`, billedFrom: now },
    { type: "lease-refused", ...ref, failure: { ...failure, kind: "no_capacity" } },
    { type: "lease-unclear", ...ref, failure },
    { type: "node-ready", ...ref, bootId: "boot", machineId: "machine", warnings: [] },
    { type: "node-failed", ...ref, failure: { ...failure, kind: "lease_failed" } },
    {
      type: "host-prepared",
      ...ref,
      sentBytes: 0,
      totalBytes: 0,
      tether: { kind: "short", lengthMs: 8000 },
      isResumed: false,
    },
    { type: "job-started", ...ref },
    {
      type: "job-exited",
      ...ref,
      exit: { code: 0, reason: "exited", endedAtMs: now },
      logBytes: 0,
    },
    {
      type: "job-exited",
      ...ref,
      exit: { code: 1, reason: "exited", endedAtMs: now },
      logBytes: 0,
    },
    {
      type: "host-silent",
      ...ref,
      lastBeatAt: now - 7000,
      tetherEndsAt: now,
      isCheckpointFresh: true,
    },
    { type: "host-heard", ...ref, isFrozen: false },
    { type: "host-lost", ...ref, fence: { by: "platform", at: now }, failure },
    { type: "interruption-noticed", ...ref, reason: "taken back" },
    { type: "outputs-collected", ...of, files: ["result"], skipped: 0 },
    { type: "collect-failed", ...of, failure },
    { type: "lease-released", ...ref, billedTo: now, state: "gone", looks: [] },
    { type: "release-unconfirmed", ...ref, failure },
    { type: "lease-given-back", ...ref },
    { type: "timer-fired", ...ref, timer: "tether" },
    { type: "timer-fired", ...of, timer: "keep" },
    { type: "timer-fired", at: now, timer: "time-limit" },
    { type: "timer-fired", at: now, timer: "replan" },
    { type: "stop-wished", at: now, reason: "cancelled", isNow: true },
    { type: "keep-ended", at: now },
    { type: "lease-given", ...of, to: "r-other1" },
  ];
}

function decideIfPossible(
  snapshot: Snapshot,
  event: RunEvent,
  asked: Submission,
): Snapshot | undefined {
  try {
    return decide(snapshot, event, asked).snapshot;
  } catch (error) {
    if (GpujobError.is(error)) return undefined;
    throw error;
  }
}

function byXstate(snapshot: Snapshot, event: RunEvent, asked: Submission): unknown {
  const context = { run: snapshot.context, submission: asked };
  const [next] = transition(
    runMachine,
    runMachine.resolveState({ value: snapshot.phase, context }),
    event,
  );
  return { phase: next.value, context: next.context.run };
}

/** Numbers that follow from each other, so that a failure comes again. */
function* numbers(): Generator<number, never> {
  for (let state = 7; ;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state;
  }
}

describe("the ways of the machine", () => {
  it("lead wherever xstate's own transition leads, whatever happens", async ({ expect }) => {
    const random = numbers();
    const seen = new Set<string>();
    for (let story = 0; story < 200; story += 1) {
      // Every other one asks two offers at once.
      const asked =
        story % 2 === 0 ? submission : { ...submission, job: { ...job, hedge: 2 } as const };
      let snapshot = initialSnapshot(submission.runId);
      snapshot = decide(snapshot, { type: "run-submitted", at }, asked).snapshot;
      for (let step = 1; step < 40; step += 1) {
        const { current, spare = current } = snapshot.context;
        const about = random.next().value % 4 === 0 ? spare : current;
        const events = eventsAbout(about, at + step * 1000);
        const event = events[random.next().value % events.length] ?? events[0];
        if (event === undefined) break;
        const next = decideIfPossible(snapshot, event, asked);
        // What no driver can report at this point is refused by name.
        if (next === undefined) continue;
        expect([event, byXstate(snapshot, event, asked)]).toEqual([event, next]);
        seen.add(`${snapshot.phase} to ${next.phase}`);
        snapshot = next;
      }
    }
    expect(seen.size).toBeGreaterThan(20);
  });
});

describe("the timer of a silent host's tether", () => {
  it("proves the end of its job, also when it fires within the millisecond before", ({
    expect,
  }) => {
    const ref = { attempt: 1, member: 0 };
    const told: readonly RunEvent[] = [
      { type: "run-submitted", at },
      { type: "plan-made", at, missing: [], candidates: [candidateOf("own")] },
      { type: "lease-created", at, ...ref, leaseId: "lease-1" },
      { type: "node-ready", at, ...ref, bootId: "boot", machineId: "machine", warnings: [] },
      {
        type: "host-prepared",
        at,
        ...ref,
        sentBytes: 0,
        totalBytes: 0,
        tether: { kind: "short", lengthMs: 8000 },
        isResumed: false,
      },
      { type: "job-started", at, ...ref },
      {
        type: "host-silent",
        at: at + 20_000,
        ...ref,
        lastBeatAt: at + 13_000,
        tetherEndsAt: at + 22_000.7,
        isCheckpointFresh: true,
      },
      { type: "timer-fired", at: at + 22_000, ...ref, timer: "tether" },
    ];
    const { context } = told.reduce(
      (snapshot, event) => decide(snapshot, event, submission).snapshot,
      initialSnapshot(submission.runId),
    );
    expect(context.attempts[0]).toMatchObject({
      phase: "closed",
      members: [{ fence: { by: "tether", at: at + 22_000 } }],
    });
  });
});
