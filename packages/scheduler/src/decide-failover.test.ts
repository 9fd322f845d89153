import {
  jobFailureKinds,
  platformErrorKinds,
  userFailureKinds,
  type Failure,
  type FailureKind,
} from "@gpujob/spec";
import { describe, it } from "vitest";
import { decideAfterFailure, exitCodeOf, type FailureSituation } from "./index.ts";
import { sampleOffer } from "./testing/samples.ts";

const kinds = [...platformErrorKinds, ...jobFailureKinds, ...userFailureKinds];

const renting: FailureSituation = {
  job: { retry: { interruptions: 2, failures: 0, rules: [] } },
  nowMs: 1_000_000,
  offer: sampleOffer({ zone: "a" }),
  calls: 0,
  interruptions: 0,
  failures: 0,
  isJobStarted: false,
  mayHoldLease: false,
};

const running: FailureSituation = { ...renting, isJobStarted: true, mayHoldLease: true };

function failure(kind: FailureKind, changes: Partial<Failure> = {}): Failure {
  return { kind, message: `cheap: ${kind}.`, ...changes };
}

function withRetry(
  situation: FailureSituation,
  retry: Partial<FailureSituation["job"]["retry"]>,
): FailureSituation {
  return { ...situation, job: { retry: { ...situation.job.retry, ...retry } } };
}

describe("decideAfterFailure", () => {
  it("answers every kind of failure, with the failure's own words first", ({ expect }) => {
    for (const kind of kinds) {
      for (const situation of [renting, running]) {
        const { reason } = decideAfterFailure(failure(kind), situation);
        expect(reason.startsWith(`cheap: ${kind}.`), kind).toBe(true);
      }
    }
  });

  it("takes the next offer and cools the place down as widely as the failure says", ({
    expect,
  }) => {
    const decision = decideAfterFailure(failure("no_capacity", { scope: "zone" }), renting);
    expect(decision).toEqual({
      action: "next-offer",
      exclusion: {
        scope: "zone",
        platform: "cheap",
        region: "cn-beijing",
        zone: "a",
        untilMs: 1_600_000,
        reason: "cheap: no_capacity.",
      },
      reason: "cheap: no_capacity. Trying the next offer.",
    });
    expect(decideAfterFailure(failure("no_capacity"), renting)).toMatchObject({
      exclusion: { scope: "offer", offerId: "a" },
    });
    expect(
      decideAfterFailure(failure("insufficient_funds", { scope: "call" }), renting),
    ).toMatchObject({
      exclusion: { scope: "account", platform: "cheap" },
    });
  });

  it("repeats a call with growing waits, obeys the platform's, and then goes elsewhere", ({
    expect,
  }) => {
    const busy = failure("rate_limited", { operation: "createLease", retryAfterMs: 30_000 });
    const decide = (calls: number, what = busy) => decideAfterFailure(what, { ...renting, calls });
    expect(decide(0)).toMatchObject({ action: "retry-call", afterMs: 30_000 });
    const untilMs = renting.nowMs + 30_000;
    const exclusion = { scope: "account", untilMs };
    expect(decide(5)).toMatchObject({ action: "next-offer", exclusion });
    const down = failure("unavailable", { operation: "createLease" });
    expect([0, 1, 2].map((calls) => decide(calls, down))).toMatchObject([
      { afterMs: 1_000 },
      { afterMs: 2_000 },
      { afterMs: 4_000 },
    ]);
    expect(decide(3, down).action).toBe("next-offer");
    const never = failure("rate_limited", { retryAfterMs: 86_400_000 });
    expect(decide(0, never)).toMatchObject({ afterMs: 300_000 });
  });

  it("never leaves a machine because its platform cannot be asked about it", ({ expect }) => {
    for (const kind of ["rate_limited", "unavailable", "contract_violation"] as const) {
      const asked = failure(kind, { operation: "getLease" });
      expect(decideAfterFailure(asked, { ...running, calls: 1_000 }).action, kind).toBe(
        "retry-call",
      );
    }
  });

  it("lets nothing start before a release is confirmed or a create is known", ({ expect }) => {
    const blocked = (kind: FailureKind, operation?: string) =>
      decideAfterFailure(failure(kind, operation === undefined ? {} : { operation }), running)
        .action;
    expect(blocked("release_failed")).toBe("block-until-released");
    expect(blocked("outcome_unknown")).toBe("block-until-known");
    expect(blocked("contract_violation", "createLease")).toBe("block-until-known");
    for (const kind of platformErrorKinds) {
      const action = blocked(kind, "releaseLease");
      expect(["block-until-released", "wait-for-credentials"], kind).toContain(
        kind === "aborted" ? "block-until-released" : action,
      );
    }
  });

  it("waits for credentials while something is rented, and goes elsewhere while nothing is", ({
    expect,
  }) => {
    expect(decideAfterFailure(failure("unauthorized"), running).action).toBe(
      "wait-for-credentials",
    );
    expect(decideAfterFailure(failure("unauthorized"), renting)).toMatchObject({
      action: "next-offer",
      exclusion: { scope: "account" },
    });
  });

  it("goes on after interruptions as often as allowed, then ends with 119", ({ expect }) => {
    for (const kind of ["interrupted", "unreachable"] as const) {
      const decide = (interruptions: number) =>
        decideAfterFailure(failure(kind), { ...running, interruptions });
      expect(decide(0)).toMatchObject({ action: "retry-job", counts: "interruption" });
      expect(decide(1)).toMatchObject({ action: "retry-job" });
      expect(decide(2)).toMatchObject({ action: "give-up", exitCode: 119 });
    }
  });

  it("does not count a machine lost before its job started", ({ expect }) => {
    const before = { ...renting, interruptions: 2, mayHoldLease: true };
    expect(decideAfterFailure(failure("unreachable"), before).action).toBe("next-offer");
  });

  it("passes the job's own code through, and retries as often as retry.failures says", ({
    expect,
  }) => {
    const ended = { ...running, exitCode: 7 };
    expect(decideAfterFailure(failure("exit_nonzero"), ended)).toMatchObject({
      action: "give-up",
      exitCode: 7,
    });
    const twice = withRetry(ended, { failures: 2 });
    expect(decideAfterFailure(failure("exit_nonzero"), twice)).toMatchObject({
      action: "retry-job",
      counts: "failure",
    });
    expect(decideAfterFailure(failure("exit_nonzero"), { ...twice, failures: 2 })).toMatchObject({
      action: "give-up",
      exitCode: 7,
    });
  });

  it("follows the first rule that names the exit code, whatever retry.failures says", ({
    expect,
  }) => {
    const rules = [
      { exitCode: [42, 43], action: "retry" },
      { exitCode: 1, action: "fail" },
    ] as const;
    const decide = (exitCode: number, failures = 0) =>
      decideAfterFailure(failure("exit_nonzero"), {
        ...withRetry(running, { rules, failures: 1 }),
        exitCode,
        failures,
      });
    expect(decide(43, 9)).toMatchObject({ action: "retry-job", counts: "nothing" });
    expect(decide(1)).toMatchObject({ action: "give-up", exitCode: 1 });
    expect(decide(5)).toMatchObject({ action: "retry-job", counts: "failure" });
  });

  it("never repeats a job that ran out of memory unless a rule names its code", ({ expect }) => {
    const generous = withRetry({ ...running, exitCode: 137 }, { failures: 10 });
    expect(decideAfterFailure(failure("out_of_memory"), generous)).toMatchObject({
      action: "give-up",
      exitCode: 137,
    });
    const rules = [{ exitCode: 137, action: "retry" }] as const;
    expect(
      decideAfterFailure(failure("out_of_memory"), withRetry(generous, { rules })).action,
    ).toBe("retry-job");
  });

  it("ends with gpujob's code where the job has none of its own", ({ expect }) => {
    const codes = [
      ["setup_failed", 120],
      ["time_limit", 118],
      ["result_unknown", 121],
      ["budget_reached", 117],
      ["cancelled", 130],
    ] as const;
    for (const [kind, exitCode] of codes) {
      expect(decideAfterFailure(failure(kind), { ...running, exitCode: 3 }), kind).toMatchObject({
        action: "give-up",
        exitCode,
      });
    }
    const tries = { ...running, calls: 4 };
    expect(decideAfterFailure(failure("download_failed"), tries)).toMatchObject({ exitCode: 122 });
  });
});

describe("exitCodeOf", () => {
  it("gives the documented codes", ({ expect }) => {
    const documented = [
      ["usage", 2],
      ["spec_invalid", 2],
      ["no_offer_matches", 114],
      ["nothing_rented", 115],
      ["no_capacity", 115],
      ["needs_credentials", 116],
      ["unauthorized", 116],
      ["not_verified", 116],
      ["quota_exceeded", 116],
      ["insufficient_funds", 116],
      ["budget_reached", 117],
      ["time_limit", 118],
      ["interrupted_too_often", 119],
      ["setup_failed", 120],
      ["result_unknown", 121],
      ["download_failed", 122],
      ["release_unconfirmed", 123],
      ["release_failed", 123],
      ["timeout", 124],
      ["internal", 125],
      ["cancelled", 130],
      ["terminated", 143],
    ] as const;
    for (const [kind, code] of documented) expect(exitCodeOf(kind), kind).toBe(code);
  });
});

describe("a rule for a job that ran out of memory", () => {
  it("asks for a larger card where the memory of a card ran out, and not where the machine's did", ({
    expect,
  }) => {
    const rules = [{ on: "oom", action: "retry", gpu: "larger" }] as const;
    const job = { retry: { interruptions: 2, failures: 0, rules } };
    const after = (kind: FailureKind, end: Partial<FailureSituation>): string => {
      const decision = decideAfterFailure(failure(kind), { ...running, job, exitCode: 1, ...end });
      return "gpu" in decision ? `${decision.action} ${decision.gpu}` : decision.action;
    };
    expect(after("exit_nonzero", { ranOut: "card" })).toBe("retry-job larger");
    expect(after("out_of_memory", { ranOut: "machine" })).toBe("give-up");
    expect(after("exit_nonzero", {})).toBe("give-up");
    const cardless: Partial<FailureSituation> = { ranOut: "card", offer: sampleOffer() };
    const { gpu: _gpu, ...offer } = sampleOffer();
    expect(after("exit_nonzero", { ...cardless, offer })).toBe("give-up");
  });

  it("tries again on the same kind of card where the rule names none", ({ expect }) => {
    const rules = [{ on: "oom", action: "retry" }] as const;
    const job = { retry: { interruptions: 2, failures: 0, rules } };
    const end = { ...running, job, exitCode: 137, ranOut: "machine" } as const;
    const decision = decideAfterFailure(failure("out_of_memory"), end);
    expect(decision).toMatchObject({ action: "retry-job", counts: "nothing" });
    expect("gpu" in decision).toBe(false);
  });
});
