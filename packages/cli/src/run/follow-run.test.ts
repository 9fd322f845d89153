import { describe, it, vi } from "vitest";
import type { Choice, Prompts } from "../prompts.ts";
import type { FakeRun } from "../testing/fake-run.ts";
import { createFakeRun } from "../testing/fake-run.ts";
import type { FakeProcess } from "../testing/fake-surroundings.ts";
import { runLine, startLine } from "../testing/fake-surroundings.ts";
import { sampleDetail, samplePlan } from "../testing/samples.ts";

function library(run: FakeRun, leases = 1): NonNullable<FakeProcess["gpujob"]> {
  const attempt = {
    number: 1,
    platform: "p",
    offerId: "o",
    leases: Array.from({ length: leases }, (_, rank) => ({ leaseId: `l-${rank}`, rank })),
    state: "up",
    startedAt: "2026-11-24T10:00:00Z",
    endedAt: null,
    reason: null,
    cost: null,
  };
  return {
    submit: async ({ confirm }) => {
      if ((await confirm?.(samplePlan())) === false) throw new Error("declined");
      return run;
    },
    showRun: async () => sampleDetail({ attempts: [attempt] }),
  };
}

/** A person who answers the questions with these, one after the other. */
function answering(...answers: readonly string[]): {
  readonly choose: Prompts["choose"];
  readonly limits: readonly unknown[];
} {
  const limits: unknown[] = [];
  const choose: Prompts["choose"] = async (_question, choices, limit) => {
    limits.push(limit);
    return pick(choices, answers[limits.length - 1] ?? "");
  };
  return { choose, limits };
}

function pick<Value>(choices: readonly Choice<Value>[], start: string): Value {
  const choice = choices.find(({ name }) => name.startsWith(start));
  if (!choice) throw new Error(`no choice starts with ${start}`);
  return choice.value;
}

describe("submit", () => {
  it("puts the log on stdout, our words on stderr, and passes the job's code", async ({
    expect,
  }) => {
    const run = createFakeRun();
    run.log("epoch 1\n");
    run.emit({
      type: "state",
      at: 0,
      state: "running",
      attempt: 1,
      platform: "autodl",
      message: "The job runs on autodl.",
    });
    run.end({ state: "failed", exitCode: 3, failure: { kind: "exit_nonzero", message: "3" } });
    const { exitCode, out, err } = await runLine(["submit", "job.yaml", "-y"], {
      gpujob: library(run),
    });
    expect(exitCode).toBe(3);
    expect(out).toBe("epoch 1\n");
    expect(err).toContain("running     The job runs on autodl.");
    expect(err).toContain("cn-west/rtx4090-1");
    expect(err).toContain("2.92 CNY (quoted 3.92 CNY)");
  });

  it("puts the log on stderr with --json, and calls a failing job ok", async ({ expect }) => {
    const run = createFakeRun();
    run.log("epoch 1\n");
    run.end({ state: "failed", exitCode: 3, failure: { kind: "exit_nonzero", message: "3" } });
    const call = await runLine(["submit", "job.yaml", "-y", "--json"], { gpujob: library(run) });
    expect(call.exitCode).toBe(3);
    expect(call.err).toContain("epoch 1\n");
    expect(JSON.parse(call.out)).toMatchObject({ ok: true, data: { id: "r-k3v9x2", exitCode: 3 } });
  });

  it("lets an unproven release outrank the job's own code", async ({ expect }) => {
    const run = createFakeRun();
    run.end({ exitCode: 0, billing: "unconfirmed" });
    const call = await runLine(["submit", "job.yaml", "-y", "--json"], { gpujob: library(run) });
    expect(call.exitCode).toBe(123);
    expect(JSON.parse(call.out)).toMatchObject({
      ok: false,
      error: { kind: "release_unconfirmed", exitCode: 123 },
      data: { billing: "unconfirmed" },
    });
  });

  it("keeps warnings for the envelope", async ({ expect }) => {
    const run = createFakeRun();
    run.emit({ type: "notice", at: 0, level: "warning", message: "Slow link." });
    run.end();
    const call = await runLine(["submit", "job.yaml", "-y", "--json"], { gpujob: library(run) });
    expect(JSON.parse(call.out)).toMatchObject({ ok: true, warnings: ["Warning: Slow link."] });
  });

  it("prints only the id with -d", async ({ expect }) => {
    const gpujob = library(createFakeRun());
    const { exitCode, out } = await runLine(["submit", "job.yaml", "-y", "-d"], { gpujob });
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: "r-k3v9x2\n" });
  });

  it("rents nothing without -y where nobody can answer", async ({ expect }) => {
    const { exitCode, err } = await runLine(["submit", "job.yaml"]);
    expect(exitCode).toBe(2);
    expect(err).toContain("Add -y");
  });

  it("asks on a terminal, with the price in the question", async ({ expect }) => {
    const run = createFakeRun();
    run.end();
    const questions: string[] = [];
    const confirm = async (question: string): Promise<boolean> => {
      questions.push(question);
      return true;
    };
    const fake = { gpujob: library(run), isTerminal: true, prompts: { confirm } };
    expect((await runLine(["submit", "job.yaml"], fake)).exitCode).toBe(0);
    expect(questions).toEqual([
      "Rent autodl cn-west/rtx4090-1 for 1.88 CNY/h, about 3.92 CNY in all?",
    ]);
  });

  it("marks the lines of several nodes, and cuts none of them", async ({ expect }) => {
    const run = createFakeRun();
    run.log("zero ");
    run.log("one\n", 1);
    run.log("done\nrest", 0);
    run.end();
    const { out } = await runLine(["submit", "job.yaml", "-y"], { gpujob: library(run, 2) });
    expect(out).toBe("[1] one\n[0] zero done\n[0] rest\n");
  });
});

describe("signals while a run is driven", () => {
  async function started(run: FakeRun, fake: FakeProcess = {}, words: readonly string[] = []) {
    const argv = ["submit", "job.yaml", "-y", ...words];
    const call = startLine(argv, { gpujob: library(run), ...fake });
    run.log("up\n");
    await vi.waitUntil(() => `${call.out()}${call.err()}`.includes("up\n"));
    return call;
  }

  it("stops the run at the first SIGINT or SIGTERM without a terminal", async ({ expect }) => {
    for (const [signal, asked, exitCode] of [
      ["SIGINT", "stop cancelled", 130],
      ["SIGTERM", "stop terminated", 143],
    ] as const) {
      const run = createFakeRun({ endsWhenAsked: true });
      const call = await started(run);
      call.signal(signal);
      expect(await call.exitCode).toBe(exitCode);
      expect(run.asked).toEqual([asked]);
    }
  });

  it("leaves at once at the second, and says what may still run and how to end it", async ({
    expect,
  }) => {
    const run = createFakeRun();
    const call = await started(run);
    call.signal("SIGTERM");
    call.signal("SIGTERM");
    expect(await call.exitCode).toBe(143);
    expect(call.err()).toContain("may still be running and billing");
    expect(call.err()).toContain("gpujob stop r-k3v9x2 --now");
  });

  it("prints an envelope even when it leaves at once", async ({ expect }) => {
    const call = await started(createFakeRun(), {}, ["--json"]);
    call.signal("SIGINT");
    call.signal("SIGINT");
    expect(await call.exitCode).toBe(130);
    expect(JSON.parse(call.out())).toMatchObject({
      ok: false,
      error: { kind: "cancelled", exitCode: 130 },
      data: { id: "r-k3v9x2" },
    });
  });

  it("hands the run over when the window is closed", async ({ expect }) => {
    const run = createFakeRun({ endsWhenAsked: true });
    const call = await started(run);
    call.signal("SIGHUP");
    expect(await call.exitCode).toBe(0);
    expect(run.asked).toEqual(["detach"]);
  });

  it("asks at Ctrl-C on a terminal, and does what was chosen", async ({ expect }) => {
    for (const [choice, asked, exitCode] of [
      ["detach", "detach", 0],
      ["stop", "stop cancelled", 130],
    ] as const) {
      const run = createFakeRun({ endsWhenAsked: true });
      const { choose, limits } = answering(choice);
      const call = await started(run, { isTerminal: true, prompts: { choose } });
      call.signal("SIGINT");
      expect(await call.exitCode).toBe(exitCode);
      expect(run.asked).toEqual([asked]);
      expect(limits).toEqual([{ timeoutMs: 10_000, fallback: "detach" }]);
    }
  });

  it("goes on when told so, and asks again at the next Ctrl-C", async ({ expect }) => {
    const run = createFakeRun({ endsWhenAsked: true });
    const { choose, limits } = answering("go on", "stop");
    const call = await started(run, { isTerminal: true, prompts: { choose } });
    call.signal("SIGINT");
    run.log("goes on\n");
    await vi.waitUntil(() => call.out().includes("goes on"));
    call.signal("SIGINT");
    expect(await call.exitCode).toBe(130);
    expect(limits).toHaveLength(2);
  });

  it("holds the log back while the question is open", async ({ expect }) => {
    const run = createFakeRun({ endsWhenAsked: true });
    let isAsked = false;
    let answer: () => void = () => undefined;
    const choose: Prompts["choose"] = async (_question, choices) => {
      isAsked = true;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return pick(choices, "stop");
    };
    const call = await started(run, { isTerminal: true, prompts: { choose } });
    call.signal("SIGINT");
    await vi.waitUntil(() => isAsked);
    run.log("while asking\n");
    await new Promise((resolve) => setImmediate(resolve));
    expect(call.out()).not.toContain("while asking");
    answer();
    await call.exitCode;
    expect(call.out()).toContain("while asking\n");
  });

  it("goes on without a display when the reader of stdout is gone", async ({ expect }) => {
    const run = createFakeRun();
    const call = await started(run);
    call.closeOut();
    run.end();
    expect(await call.exitCode).toBe(0);
    expect(run.asked).toEqual([]);
  });
});
