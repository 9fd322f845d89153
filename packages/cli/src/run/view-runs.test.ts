import type { Gpujob, LogChunk } from "@gpujob/sdk";
import { GpujobError } from "@gpujob/spec";
import { describe, it, vi } from "vitest";
import { runLine, startLine } from "../testing/fake-surroundings.ts";
import { sampleDetail, sampleRun } from "../testing/samples.ts";

function chunk(text: string, offset: number, node = 0): LogChunk {
  return { attempt: 1, node, offset, bytes: Buffer.from(text) };
}

async function* chunks(...all: readonly LogChunk[]): AsyncGenerator<LogChunk> {
  yield* all;
}

const showRun = async (): Promise<ReturnType<typeof sampleDetail>> => sampleDetail();

describe("logs", () => {
  it("writes the bytes as they are, whatever they are", async ({ expect }) => {
    const readLogs = (): AsyncIterable<LogChunk> => chunks(chunk("a\u001B[2J\r", 0), chunk("b", 6));
    const { exitCode, out } = await runLine(["logs"], { gpujob: { readLogs, showRun } });
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: "a\u001B[2J\rb" });
  });

  it("writes one object per line with --json, with its place in the log", async ({ expect }) => {
    const readLogs = (): AsyncIterable<LogChunk> =>
      chunks(chunk("ep", 0), chunk("och 1\r\nloss", 2), chunk("x\n", 0, 1));
    const { out } = await runLine(["logs", "--json"], { gpujob: { readLogs, showRun } });
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { attempt: 1, node: 0, offset: 0, line: "epoch 1" },
      { attempt: 1, node: 1, offset: 0, line: "x" },
      { attempt: 1, node: 0, offset: 9, line: "loss" },
    ]);
  });

  it("passes on what was asked for", async ({ expect }) => {
    const readLogs = vi.fn<Gpujob["readLogs"]>(() => chunks());
    await runLine("logs r-1 --tail 5 --attempt all --node 1 --since 10m".split(" "), {
      gpujob: { readLogs, showRun },
    });
    expect(readLogs).toHaveBeenCalledWith("r-1", {
      follow: false,
      tail: 5,
      attempt: "all",
      node: 1,
      since: Date.parse("2026-11-24T11:50:00Z"),
      signal: expect.any(AbortSignal),
    });
  });

  it("ends as the run ends with -f", async ({ expect }) => {
    const gpujob = {
      readLogs: () => chunks(),
      showRun,
      waitRun: async () => sampleRun({ state: "failed", exitCode: 9 }),
    };
    expect((await runLine(["logs", "-f"], { gpujob })).exitCode).toBe(9);
  });

  it("ends only the view at Ctrl-C and when its reader is gone", async ({ expect }) => {
    const stopRun = vi.fn<Gpujob["stopRun"]>();
    async function* endless(_: unknown, { signal }: { signal: AbortSignal }) {
      yield chunk("up\n", 0);
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new GpujobError("aborted", "Aborted.")));
      });
    }
    const gpujob: Partial<Gpujob> = { readLogs: endless, showRun, stopRun };
    const interrupted = startLine(["logs", "-f"], { gpujob });
    await vi.waitUntil(() => interrupted.out() !== "");
    interrupted.signal("SIGINT");
    expect(await interrupted.exitCode).toBe(130);
    const piped = startLine(["logs", "-f"], { gpujob });
    await vi.waitUntil(() => piped.out() !== "");
    piped.closeOut();
    expect(await piped.exitCode).toBe(0);
    expect(piped.err()).toBe("");
    expect(stopRun).not.toHaveBeenCalled();
  });

  it("writes an envelope as the last line when it fails with --json", async ({ expect }) => {
    async function* failing() {
      yield chunk("a\n", 0);
      throw new GpujobError("not_found", "There is no run r-x.");
    }
    const { exitCode, out } = await runLine(["logs", "r-x", "--json"], {
      gpujob: { readLogs: failing, showRun },
    });
    expect(exitCode).toBe(2);
    expect(JSON.parse(out.trim().split("\n").at(-1) ?? "")).toMatchObject({
      ok: false,
      error: { kind: "not_found" },
    });
  });

  it("shows what happened with --events", async ({ expect }) => {
    async function* readTimeline() {
      yield { at: "2026-11-24T10:00:00Z", type: "x", attempt: 1, message: "Rented." };
    }
    const gpujob = { readTimeline };
    expect((await runLine(["logs", "--events"], { gpujob })).out).toBe("10:00:00  [1] Rented.\n");
    expect(JSON.parse((await runLine(["logs", "--events", "--json"], { gpujob })).out)).toEqual({
      at: "2026-11-24T10:00:00Z",
      type: "x",
      attempt: 1,
      message: "Rented.",
    });
  });
});

describe("wait", () => {
  const ends: Readonly<Record<string, ReturnType<typeof sampleRun>>> = {
    good: sampleRun({ id: "r-good" }),
    three: sampleRun({ id: "r-three", state: "failed", exitCode: 3 }),
    four: sampleRun({ id: "r-four", state: "failed", exitCode: 4 }),
    unsure: sampleRun({ id: "r-unsure", billing: "unconfirmed" }),
  };
  const waitRun = async (name: string | undefined): Promise<ReturnType<typeof sampleRun>> =>
    ends[name ?? ""] ?? sampleRun();

  it("ends with the first code that is not zero, in the order given", async ({ expect }) => {
    const gpujob = { waitRun };
    expect((await runLine(["wait", "good", "good"], { gpujob })).exitCode).toBe(0);
    expect((await runLine(["wait", "good", "four", "three"], { gpujob })).exitCode).toBe(4);
    expect((await runLine(["wait", "three", "unsure"], { gpujob })).exitCode).toBe(123);
    expect((await runLine(["wait"], { gpujob })).exitCode).toBe(0);
  });

  it("gives up after --timeout with 124, and the run goes on", async ({ expect }) => {
    const never: Gpujob["waitRun"] = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new GpujobError("aborted", "Aborted.")));
      });
    const { exitCode, out } = await runLine(["wait", "x", "--timeout", "10ms", "--json"], {
      gpujob: { waitRun: never },
    });
    expect(exitCode).toBe(124);
    expect(JSON.parse(out)).toMatchObject({ ok: false, error: { kind: "timeout" } });
  });
});

describe("stop", () => {
  it("stops each run, one that fails hindering no other", async ({ expect }) => {
    const stopRun = vi.fn<Gpujob["stopRun"]>(async (name) => {
      if (name === "bad") throw new GpujobError("not_found", "There is no run bad.");
      return sampleRun({ id: name });
    });
    const { exitCode, out, err } = await runLine(["stop", "bad", "r-1", "--now"], {
      gpujob: { stopRun },
    });
    expect(exitCode).toBe(2);
    expect(err).toContain("There is no run bad.");
    expect(out).toContain("r-1");
    expect(stopRun).toHaveBeenCalledWith("r-1", { now: true });
  });

  it("finds runs by key, or takes all, and never guesses", async ({ expect }) => {
    const stopRun = async (id: string) => sampleRun({ id });
    const listRuns: Gpujob["listRuns"] = async ({ idempotencyKey }) =>
      idempotencyKey === "nope" ? [] : [sampleRun()];
    const gpujob = { stopRun, listRuns };
    expect((await runLine(["stop", "--key", "k"], { gpujob })).exitCode).toBe(0);
    expect((await runLine(["stop", "--key", "nope"], { gpujob })).exitCode).toBe(2);
    expect((await runLine(["stop", "--all"], { gpujob })).exitCode).toBe(0);
    expect((await runLine(["stop"], { gpujob })).exitCode).toBe(2);
    expect((await runLine(["stop", "--all", "r-1"], { gpujob })).exitCode).toBe(2);
  });
});

describe("exec", () => {
  it("passes output and code of the command", async ({ expect }) => {
    const exec: Gpujob["exec"] = async (_run, argv, { onOutput }) => {
      onOutput("stdout", Buffer.from(argv.join(" ")), 0);
      onOutput("stderr", Buffer.from("careful"), 0);
      return { exitCode: 7 };
    };
    const call = await runLine(["exec", "r-1", "--", "ls", "-l"], { gpujob: { exec } });
    expect(call).toEqual({ exitCode: 7, out: "ls -l", err: "careful" });
  });
});
