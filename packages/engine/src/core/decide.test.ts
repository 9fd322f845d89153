import type { Capabilities, JobSpec, Offer } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { Candidate, Submission } from "./context.ts";
import { decide, initialSnapshot } from "./decide.ts";
import type { Snapshot } from "./decide.ts";
import type { RunEvent } from "./events.ts";
import { viewRun } from "../driver/view.ts";

const at = Date.UTC(2026, 10, 1);
const cny = (amount: number): { readonly currency: string; readonly micros: number } => ({
  currency: "CNY",
  micros: amount * 1_000_000,
});

const offer: Offer = {
  offerId: "a",
  platform: "one",
  region: "local",
  instanceType: "a",
  market: "on-demand",
  price: {
    perHour: cny(2),
    billing: { unitSeconds: 1, minimumSeconds: 0 },
    source: "after-create",
  },
  availability: "high",
  observedAt: new Date(at).toISOString(),
};

const capabilities: Capabilities = {
  release: "api",
  powerOff: "none",
  idempotency: "token",
  autoRelease: false,
  visibilityWindowMs: 0,
  markets: ["on-demand"],
  multiNode: "none",
  tagging: "tags",
  image: false,
  docker: false,
  channel: true,
  interruptionNotice: false,
  capacityCheck: false,
  balance: false,
  charges: false,
};

const candidate: Candidate = {
  offer,
  capabilities,
  pricePerHour: cny(2),
  totalPrice: cny(2),
  reason: "The only offer that fits.",
};

function submissionOf(job: Partial<JobSpec>): Submission {
  return {
    runId: "r-test01",
    installation: "inst0001",
    job: {
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
      outputs: [],
      expectedTimeMs: 3_600_000,
      limits: { timeMs: 86_400_000, holdMs: 28_800_000 },
      retry: { interruptions: 5, failures: 0, rules: [] },
      ports: [],
      labels: {},
      profile: "cheapest",
      ...job,
    },
    submittedAt: at,
    currency: "CNY",
    rates: [],
    timeouts: { bootMs: 600_000, offersMs: 3000, releaseMs: 120_000, unreachableMs: 300_000 },
    tether: "auto",
    isDetached: false,
    uploadBytes: 0,
    outputFolder: "/outputs",
  };
}

/** The run after some events, and the keys of what the last one asked for. */
function play(
  submission: Submission,
  events: readonly RunEvent[],
): { readonly snapshot: Snapshot; readonly asked: readonly string[] } {
  let snapshot = initialSnapshot(submission.runId);
  let asked: readonly string[] = [];
  for (const event of events) {
    const decision = decide(snapshot, event, submission);
    snapshot = decision.snapshot;
    asked = decision.effects.map((effect) => effect.key);
  }
  return { snapshot, asked };
}

const submitted: RunEvent = { type: "run-submitted", at };
const planned = { type: "plan-made", at, candidates: [candidate], missing: [] } as const;
const account = {
  kind: "needs_credentials",
  exitCode: 116,
  message: "No token.",
  hint: "Set it.",
} as const;

describe("a decision", () => {
  it("gives a machine back at once that turns out dearer than the limit", async ({ expect }) => {
    const submission = submissionOf({
      limits: { timeMs: 86_400_000, holdMs: 0, pricePerHour: cny(3) },
    });
    const created = { type: "lease-created", at, attempt: 1, member: 0, leaseId: "m-1" } as const;
    const cheap = play(submission, [submitted, planned, { ...created, pricePerHour: cny(3) }]);
    expect(cheap).toMatchObject({ snapshot: { phase: "booting" }, asked: ["await-node:1:0"] });
    const dear = play(submission, [submitted, planned, { ...created, pricePerHour: cny(4) }]);
    expect(dear).toMatchObject({ snapshot: { phase: "releasing" }, asked: ["release-lease:1:0"] });
    expect(dear.snapshot.context.exclusions).toHaveLength(1);
  });

  it("moves a platform's end timer only where it works on the offer", async ({ expect }) => {
    const created = { type: "lease-created", at, attempt: 1, member: 0, leaseId: "m-1" } as const;
    const timed = { ...candidate, capabilities: { ...capabilities, autoRelease: true } };
    const askedOf = (chosen: Candidate): readonly string[] =>
      play(submissionOf({}), [submitted, { ...planned, candidates: [chosen] }, created]).asked;
    expect(askedOf(timed)).toContain("extend-lease:1:0");
    const without = { ...timed, offer: { ...offer, autoRelease: false } } as const;
    expect(askedOf(without)).not.toContain("extend-lease:1:0");
  });

  it("waits for stock when asked to, but not for what only the user can mend", async ({
    expect,
  }) => {
    const submission = submissionOf({ queueMs: 60_000 });
    const empty: RunEvent = { type: "plan-made", at, candidates: [], missing: [] };
    expect(play(submission, [submitted, empty]).snapshot.phase).toBe("queued");
    const refused = play(submission, [submitted, { ...empty, explanation: account }]);
    expect(refused.snapshot).toMatchObject({
      phase: "settled",
      context: { outcome: { exitCode: 116 } },
    });
  });

  it("waits for a platform that was asked too often, and not for one without stock", async ({
    expect,
  }) => {
    const failure = { kind: "no_capacity", message: "No.", scope: "account" } as const;
    const empty: RunEvent = { type: "plan-made", at, candidates: [], missing: [] };
    const phaseAfter = (kind: "no_capacity" | "rate_limited" | "outcome_unknown"): string => {
      const refused: RunEvent = {
        type: "lease-refused",
        at,
        attempt: 1,
        member: 0,
        failure: { ...failure, kind },
      };
      return play(submissionOf({}), [submitted, planned, refused, empty]).snapshot.phase;
    };
    expect(phaseAfter("rate_limited")).toBe("queued");
    // A driver died with its order on the way, and nothing was made: the only host is free.
    expect(phaseAfter("outcome_unknown")).toBe("queued");
    expect(phaseAfter("no_capacity")).toBe("settled");
  });

  it("stops waiting for stock when its time is over", async ({ expect }) => {
    const submission = submissionOf({ queueMs: 60_000 });
    const empty = (late: number): RunEvent => ({
      type: "plan-made",
      at: at + late,
      candidates: [],
      missing: [],
    });
    const again: RunEvent = { type: "timer-fired", timer: "replan", at: at + 60_000 };
    const { snapshot } = play(submission, [submitted, empty(0), again, empty(60_001)]);
    expect(snapshot).toMatchObject({ phase: "settled", context: { outcome: { exitCode: 114 } } });
  });

  it("goes on elsewhere after an error of the driver that means a bad card, not after the program's own", ({
    expect,
  }) => {
    const member = { at, attempt: 1, member: 0 } as const;
    const begun: readonly RunEvent[] = [
      submitted,
      planned,
      { ...member, type: "lease-created", leaseId: "m-1" },
      { ...member, type: "node-ready", bootId: "b", machineId: "m", warnings: [] },
      {
        ...member,
        type: "host-prepared",
        sentBytes: 0,
        totalBytes: 0,
        tether: { kind: "long", lengthMs: 60_000 },
        isResumed: false,
      },
      { ...member, type: "job-started", isResumed: false },
    ];
    const scopeAfter = (xid: number): string | undefined => {
      const exit = { code: 1, reason: "exited", startedAtMs: at, endedAtMs: at, xid } as const;
      const exited: RunEvent = { ...member, type: "job-exited", exit, logBytes: 0 };
      const collected: RunEvent = {
        type: "outputs-collected",
        at,
        attempt: 1,
        files: [],
        skipped: 0,
      };
      const { context } = play(submissionOf({}), [...begun, exited, collected]).snapshot;
      return context.exclusions.length > 0 ? "elsewhere" : context.outcome?.failure?.kind;
    };
    const cards = [48, 63, 64, 74, 79, 92, 94, 95, 119, 120].map(scopeAfter);
    expect(new Set(cards)).toEqual(new Set(["elsewhere"]));
    const programs = [13, 31, 43].map(scopeAfter);
    expect(new Set(programs)).toEqual(new Set(["exit_nonzero"]));
  });

  describe("when the machine is lost between the end of its job and the fetch of the outputs", () => {
    const member = { at, attempt: 1, member: 0 } as const;
    const begun: readonly RunEvent[] = [
      submitted,
      planned,
      { ...member, type: "lease-created", leaseId: "m-1" },
      { ...member, type: "node-ready", bootId: "b", machineId: "m", warnings: [] },
      {
        ...member,
        type: "host-prepared",
        sentBytes: 0,
        totalBytes: 0,
        tether: { kind: "long", lengthMs: 60_000 },
        isResumed: false,
      },
      { ...member, type: "job-started", isResumed: false },
    ];
    const exited = (code: number): RunEvent => ({
      ...member,
      type: "job-exited",
      exit: { code, reason: "exited", startedAtMs: at, endedAtMs: at },
      logBytes: 0,
    });
    const gone = { kind: "interrupted", scope: "offer", message: "It is gone." } as const;
    // The watch's own look, whose answer was on its way when the job ended.
    const seen = { ...member, type: "host-lost", failure: gone } as const;
    const lost: readonly RunEvent[] = [
      { type: "collect-failed", at, attempt: 1, failure: { ...gone, kind: "lease_failed" } },
      { ...seen, fence: { by: "platform", at } },
    ];
    const released: RunEvent = { ...member, type: "lease-released", state: "gone", looks: [] };

    it("runs the job again, as after any other interruption", async ({ expect }) => {
      for (const code of [0, 3]) {
        for (const loss of lost) {
          const { snapshot } = play(submissionOf({}), [...begun, exited(code), loss, released]);
          expect([code, loss.type, snapshot.phase]).toEqual([code, loss.type, "planning"]);
          expect(snapshot.context.outcome).toBeUndefined();
          expect(snapshot.context.interruptions).toBe(1);
        }
      }
    });

    it("says that the outputs are lost where it must not run again", async ({ expect }) => {
      const retry = { interruptions: 0, failures: 0, rules: [] };
      const wished: RunEvent = { type: "stop-wished", at, reason: "cancelled", isNow: false };
      const limit: RunEvent = { type: "timer-fired", at, timer: "time-limit" };
      for (const loss of lost) {
        for (const between of [[], [wished], [limit]]) {
          const submission = submissionOf(between.length === 0 ? { retry } : {});
          const codeAfter = (code: number): unknown => {
            const events = [...begun, exited(code), ...between, loss, released];
            const { snapshot } = play(submission, events);
            const run = viewRun({ submission, snapshot, now: at });
            return [run.state, run.exitCode, run.failure?.kind, run.notes?.length];
          };
          expect(codeAfter(0)).toEqual(["failed", 122, "download_failed", undefined]);
          expect(codeAfter(3)).toEqual(["failed", 3, undefined, 1]);
        }
      }
    });

    it("fetches on after a notice, and after a restart of the machine", async ({ expect }) => {
      const notice: RunEvent = { ...member, type: "interruption-noticed", reason: "Taken." };
      const reboot: RunEvent = { ...seen, fence: { by: "reboot", at } };
      for (const event of [notice, reboot]) {
        expect(play(submissionOf({}), [...begun, exited(0), event]).snapshot.phase).toBe(
          "collecting",
        );
      }
    });
  });

  it("begins no other attempt after a stop that came while outputs of a failed one were fetched", async ({
    expect,
  }) => {
    const member = { at, attempt: 1, member: 0 } as const;
    const tether = { kind: "long", lengthMs: 60_000 } as const;
    const sizes = { sentBytes: 0, totalBytes: 0, isResumed: false, tether };
    const exit = { code: 3, reason: "exited", startedAtMs: at, endedAtMs: at } as const;
    const retry = { interruptions: 5, failures: 5, rules: [] };
    const { snapshot } = play(submissionOf({ retry }), [
      submitted,
      planned,
      { ...member, type: "lease-created", leaseId: "m-1" },
      { ...member, type: "node-ready", bootId: "b", machineId: "m", warnings: [] },
      { ...member, type: "host-prepared", ...sizes },
      { ...member, type: "job-started", isResumed: false },
      { ...member, type: "job-exited", exit, logBytes: 0 },
      { type: "stop-wished", at, reason: "cancelled", isNow: false },
      { type: "outputs-collected", at, attempt: 1, files: [], skipped: 0 },
      { ...member, type: "lease-released", state: "gone", looks: [] },
    ]);
    expect(snapshot).toMatchObject({ phase: "settled", context: { outcome: { exitCode: 130 } } });
  });
});
