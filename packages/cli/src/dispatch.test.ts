import { GpujobError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { commandNames } from "./commands.ts";
import { runLine } from "./testing/fake-surroundings.ts";
import { sampleDetail, samplePlan, sampleRun } from "./testing/samples.ts";

function parse(text: string): { ok: boolean; data?: unknown; error?: Record<string, unknown> } {
  const lines = text.split("\n");
  if (lines.length !== 2 || lines[1] !== "") throw new Error(`not one line: ${text}`);
  return JSON.parse(text);
}

describe("a command line", () => {
  it("prints data on stdout and nothing else", async ({ expect }) => {
    const { exitCode, out, err } = await runLine(["ps"], {
      gpujob: { listRuns: async () => [sampleRun()] },
    });
    expect(exitCode).toBe(0);
    expect(out).toContain("r-k3v9x2");
    expect(err).toBe("");
  });

  it("prints one envelope with --json, wherever that stands", async ({ expect }) => {
    const gpujob = { listRuns: async () => [sampleRun()] };
    for (const argv of [
      ["ps", "--json"],
      ["--json", "ps"],
    ]) {
      const { out } = await runLine(argv, { gpujob });
      const { attempts: _attempts, ...row } = sampleRun();
      expect(parse(out)).toEqual({ ok: true, data: [row], warnings: [] });
    }
  });

  it("prints an envelope for a failure, with the code of its kind", async ({ expect }) => {
    const showRun = async (): Promise<never> => {
      throw new GpujobError("not_found", "There is no run r-x.", {
        hint: "gpujob ps -a lists them.",
      });
    };
    const { exitCode, out, err } = await runLine(["show", "r-x", "--json"], {
      gpujob: { showRun },
    });
    expect(exitCode).toBe(2);
    expect(err).toBe("");
    expect(parse(out)).toEqual({
      ok: false,
      error: {
        kind: "not_found",
        message: "There is no run r-x.",
        hint: "gpujob ps -a lists them.",
        exitCode: 2,
      },
      warnings: [],
    });
  });

  it("prints an envelope for a mistake on the line too", async ({ expect }) => {
    for (const argv of [["ps", "--nope"], ["nope"], ["submit"], ["retry"], ["exec", "r-1"]]) {
      const { exitCode, out, err } = await runLine([...argv, "--json"]);
      expect(exitCode).toBe(2);
      expect(err).toBe("");
      expect(parse(out)).toMatchObject({ ok: false, error: { kind: "usage", exitCode: 2 } });
    }
  });

  it("does not take a --json that belongs to the job", async ({ expect }) => {
    const { out, err } = await runLine(["submit", "--", "tool", "--json"]);
    expect(out).toBe("");
    expect(err).toContain("Add -y");
  });

  it("answers peers' words with ours", async ({ expect }) => {
    for (const [word, ours] of [
      ["run", "submit"],
      ["launch", "submit"],
      ["status", "ps"],
      ["list", "ps"],
      ["cancel", "stop"],
      ["down", "stop"],
      ["attach", "logs"],
      ["cp", "push"],
    ]) {
      const { exitCode, err } = await runLine([word ?? ""]);
      expect(exitCode).toBe(2);
      expect(err).toContain(`gpujob ${ours}`);
    }
  });

  it("names the nearest command for one that it does not know", async ({ expect }) => {
    const { exitCode, err } = await runLine(["submti"]);
    expect(exitCode).toBe(2);
    expect(err).toContain("Did you mean gpujob submit?");
    expect((await runLine(["constructor"])).err).toContain('no command "constructor"');
  });

  it("refuses later commands with not yet", async ({ expect }) => {
    const later = [["serve"]];
    for (const argv of later) {
      const { exitCode, out } = await runLine([...argv, "--json"]);
      expect(exitCode).toBe(2);
      expect(parse(out).error?.["kind"]).toBe("not_yet");
    }
  });

  it("has a help for every command and for all of them", async ({ expect }) => {
    for (const name of commandNames) {
      const { exitCode, out } = await runLine([name, "--help"]);
      expect(exitCode).toBe(0);
      expect(out).toContain(`$ gpujob ${name}`);
      expect(out).not.toContain("\u001B");
    }
    const { out } = await runLine([]);
    expect(out).toContain("submit");
    expect(out).not.toContain("drive");
    expect((await runLine(["help", "ps"])).out).toBe((await runLine(["ps", "-h"])).out);
  });

  it("lays out the help at 60, 80 and 120 columns", async ({ expect }) => {
    for (const columns of [60, 80, 120]) {
      for (const argv of [["--help"], ["submit", "--help"]]) {
        const { out } = await runLine(argv, { columns });
        expect(out).toMatchSnapshot();
        // An example stays on one line, so that it can be copied.
        const lines = out.split("\n").filter((line) => !line.startsWith("  $ "));
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      }
    }
  });

  it("says which runs were taken over", async ({ expect }) => {
    const adoptOrphans = async () => [{ runId: "r-1", message: "Run r-1 was taken over." }];
    const gpujob = { adoptOrphans, listRuns: async () => [], showRun: async () => sampleDetail() };
    expect((await runLine(["ps"], { gpujob })).err).toBe("Run r-1 was taken over.\n");
    const { out } = await runLine(["show", "--json"], { gpujob });
    expect(parse(out)).toMatchObject({ ok: true, warnings: ["Run r-1 was taken over."] });
  });

  it("closes the library whatever happens", async ({ expect }) => {
    let closed = 0;
    const close = async (): Promise<void> => {
      closed += 1;
    };
    const gpujob = { close, listRuns: () => Promise.reject(new Error("boom")) };
    const { exitCode, err } = await runLine(["ps"], { gpujob });
    expect(closed).toBe(1);
    expect(exitCode).toBe(125);
    expect(err).toContain("boom");
  });

  it("colours a terminal, and not with NO_COLOR or --no-color", async ({ expect }) => {
    const fake = { gpujob: { listRuns: async () => [sampleRun()] }, isTerminal: true };
    const terminal = { ...fake, environment: { TERM: "xterm" } };
    expect((await runLine(["ps"], terminal)).out).toContain("\u001B[");
    expect((await runLine(["ps", "--no-color"], terminal)).out).not.toContain("\u001B[");
    const quiet = { ...fake, environment: { TERM: "xterm", NO_COLOR: "1" } };
    expect((await runLine(["ps"], quiet)).out).not.toContain("\u001B[");
  });

  it("gives the library the job's flags as job-file keys", async ({ expect }) => {
    let seen: unknown;
    const plan = async (input: unknown) => {
      seen = input;
      return samplePlan();
    };
    const line =
      "plan job.yaml --gpu H20 --platform lab --platform autodl --max-price 3CNY/h --budget 5CNY -e A=1 -e B --queue 1h";
    await runLine([...line.split(" "), "--", "python", "x.py"], { gpujob: { plan } });
    expect(seen).toEqual({
      file: "job.yaml",
      overrides: {
        resources: { gpu: "H20" },
        platforms: { allow: ["lab", "autodl"] },
        limits: { price: "3CNY/h", budget: "5CNY" },
        queue: "1h",
      },
      environment: ["A=1", "B"],
      command: ["python", "x.py"],
    });
  });

  it("ends audit with 123 when anything is unconfirmed, with all that is known", async ({
    expect,
  }) => {
    const lease = {
      platform: "p",
      leaseId: "l",
      runId: null,
      state: "up",
      since: null,
      pricePerHour: null,
      note: "",
    };
    const report = {
      billing: [],
      unconfirmed: [lease],
      byHand: [],
      unknown: [],
      fixed: [],
      missing: [],
    };
    const { exitCode, out } = await runLine(["audit", "--json"], {
      gpujob: { audit: async () => report },
    });
    expect(exitCode).toBe(123);
    expect(parse(out)).toMatchObject({
      ok: false,
      error: { kind: "release_unconfirmed", exitCode: 123 },
      data: report,
    });
  });

  it("groups the cost by label, and keeps currencies apart", async ({ expect }) => {
    const line = {
      runId: "r-k3v9x2",
      attempt: 1,
      platform: "p",
      leaseId: "l",
      from: "2026-11-24T10:00:00Z",
      to: "2026-11-24T11:00:00Z",
      billedSeconds: 3600,
      amount: { currency: "CNY", micros: 1_000_000 },
      kind: "compute",
    } as const;
    const dollars = { ...line, amount: { currency: "USD", micros: 2_000_000 } };
    const { out } = await runLine(["cost", "--by", "label", "--json"], {
      gpujob: {
        cost: async () => ({ total: line.amount, lines: [line, line, dollars] }),
        listRuns: async () => [sampleRun()],
      },
    });
    expect(parse(out)).toMatchObject({
      data: {
        groups: [
          { name: "team=nlp", lines: 2, amount: { currency: "CNY", micros: 2_000_000 } },
          { name: "team=nlp", lines: 1, amount: { currency: "USD", micros: 2_000_000 } },
        ],
      },
    });
  });
});
