import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, onTestFinished, vi } from "vitest";
import { makeFolder, runGpujob, startGpujob } from "./support/gpujob.ts";

const market = `
platforms:
  cheap:
    adapter: mock
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 1.32 CNY/h, stock: 3 }]
    boot: 100ms
`;

/** A home with a simulated market, and a job file in a folder of its own. */
async function makeHome(
  job: string,
): Promise<{ readonly home: string; readonly cwd: string; readonly file: string }> {
  const home = await makeFolder();
  const cwd = join(home, "project");
  await mkdir(join(home, "state"), { recursive: true });
  await mkdir(cwd);
  await writeFile(join(home, "state/config.yaml"), market);
  await writeFile(join(cwd, "job.yaml"), job);
  onTestFinished(async () => {
    await runGpujob(["mock", "reset"], { home });
  });
  return { home, cwd, file: "job.yaml" };
}

function jobOf(run: string, more = ""): string {
  return `name: test-run\nresources: { gpu: "RTX4090" }\nrun: ${JSON.stringify(run)}\n${more}`;
}

/** The data of an envelope. */
function dataOf(text: string): Record<string, unknown> {
  const envelope: unknown = JSON.parse(text);
  if (typeof envelope !== "object" || envelope === null || !("data" in envelope)) {
    throw new Error(`no data in ${text}`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests look at its fields one by one
  return envelope.data as Record<string, unknown>;
}

describe("runs on a simulated market", () => {
  it("runs a job to the end, with its log, its outputs, its code and its cost", async ({
    expect,
  }) => {
    const script = 'echo 你好; echo warn >&2; echo 42 > "$GPUJOB_OUTPUT_DIR/answer"; exit 3';
    const { home, cwd, file } = await makeHome(jobOf(script));
    const { code, out, err } = await runGpujob(["submit", file, "-y"], { home, cwd });
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining("cheap") });
    expect(out).toBe("你好\nwarn\n");
    expect(err).toContain("exit code 3");
    const run = dataOf((await runGpujob(["show", "--json"], { home, cwd })).out);
    expect(run).toMatchObject({ state: "failed", exitCode: 3, billing: "ended" });
    const answer = join(cwd, "outputs", String(run["id"]), "answer");
    expect(await readFile(answer, "utf8")).toBe("42\n");
    const meter = dataOf((await runGpujob(["mock", "meter", "--json"], { home, cwd })).out);
    expect(meter["machines"]).toMatchObject([{ platform: "cheap", endedAt: expect.any(String) }]);
  });

  it("prints one envelope with --json, the log on stderr", async ({ expect }) => {
    const { home, cwd, file } = await makeHome(jobOf("echo hello"));
    const { code, out, err } = await runGpujob(["submit", file, "-y", "--json"], { home, cwd });
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expect(dataOf(out)).toMatchObject({ state: "succeeded", exitCode: 0, billing: "ended" });
    expect(err).toContain("hello\n");
  });

  it("plans without renting anything", async ({ expect }) => {
    const { home, cwd, file } = await makeHome(jobOf("true"));
    const { code, out } = await runGpujob(["submit", file, "--dry-run"], { home, cwd });
    expect(code).toBe(0);
    expect(out).toContain("cheap");
    expect(out).toContain("1.32 CNY");
    const meter = dataOf((await runGpujob(["mock", "meter", "--json"], { home, cwd })).out);
    expect(meter["machines"]).toEqual([]);
  });

  it("ends with 114 and says why when nothing fits", async ({ expect }) => {
    const { home, cwd, file } = await makeHome(jobOf("true"));
    const words = ["submit", file, "-y", "--gpu", "H100:80GB:8", "--json"];
    const { code, out } = await runGpujob(words, { home, cwd });
    expect(code).toBe(114);
    expect(JSON.parse(out)).toMatchObject({ ok: false, error: { kind: "no_offer_matches" } });
  });

  it("ends with 2 for a mistake in the file, with its place", async ({ expect }) => {
    const { home, cwd } = await makeHome("name: x\nresorces: { gpu: RTX4090 }\nrun: 'true'\n");
    const { code, err } = await runGpujob(["submit", "job.yaml", "-y"], { home, cwd });
    expect(code).toBe(2);
    expect(err).toContain("job.yaml");
    expect(err).toContain("resources");
  });

  it("runs in the background, and is waited for, read and counted", async ({ expect }) => {
    const { home, cwd, file } = await makeHome(jobOf("echo one; sleep 1; echo two; exit 5"));
    const started = await runGpujob(["submit", file, "-y", "-d"], { home, cwd });
    expect(started).toMatchObject({ code: 0, out: expect.stringMatching(/^r-\w+\n$/) });
    const id = started.out.trim();
    expect((await runGpujob(["logs", id, "-f"], { home, cwd })).code).toBe(5);
    expect((await runGpujob(["wait", id], { home, cwd })).code).toBe(5);
    expect((await runGpujob(["logs", id], { home, cwd })).out).toBe("one\ntwo\n");
    const rows = dataOf((await runGpujob(["ps", "-a", "--json"], { home, cwd })).out);
    expect(rows).toMatchObject([{ id, state: "failed", exitCode: 5 }]);
    const cost = dataOf((await runGpujob(["cost", "--json"], { home, cwd })).out);
    expect(cost["lines"]).toMatchObject([{ runId: id, platform: "cheap" }]);
    expect((await runGpujob(["audit", "--json"], { home, cwd })).code).toBe(0);
  });

  it("stops and releases at SIGTERM, and ends with 143", async ({ expect }) => {
    const { home, cwd, file } = await makeHome(jobOf("echo up; sleep 60"));
    const call = startGpujob(["submit", file, "-y"], { home, cwd });
    await vi.waitUntil(() => call.out().includes("up"), { timeout: 30_000 });
    call.kill("SIGTERM");
    expect((await call.result).code).toBe(143);
    const meter = dataOf((await runGpujob(["mock", "meter", "--json"], { home, cwd })).out);
    expect(meter["machines"]).toMatchObject([{ endedAt: expect.any(String) }]);
  });

  it("leaves at once at a second SIGTERM, and the next command sees to the machine", async ({
    expect,
  }) => {
    const more = "checkpoint: { path: ckpt, every: 1h, grace: 60s }\n";
    const script = "trap : TERM; echo up; while true; do sleep 1; done";
    const { home, cwd, file } = await makeHome(jobOf(script, more));
    const call = startGpujob(["submit", file, "-y"], { home, cwd });
    await vi.waitUntil(() => call.out().includes("up"), { timeout: 30_000 });
    call.kill("SIGTERM");
    await vi.waitUntil(() => call.err().includes("Again to leave at once"), { timeout: 5000 });
    // Two within 150 ms are one signal that came by two ways.
    await new Promise((resolve) => setTimeout(resolve, 300));
    call.kill("SIGTERM");
    const { code, err } = await call.result;
    expect(code).toBe(143);
    expect(err).toContain("may still be running and billing");
    const id = /gpujob stop (r-\w+) --now/.exec(err)?.[1] ?? "";
    expect((await runGpujob(["stop", id, "--now"], { home, cwd })).code).toBe(0);
    const meter = dataOf((await runGpujob(["mock", "meter", "--json"], { home, cwd })).out);
    expect(meter["machines"]).toMatchObject([{ endedAt: expect.any(String) }]);
  });

  it("takes a run over whose driver was killed, says so, and brings it to its end", async ({
    expect,
  }) => {
    const { home, cwd, file } = await makeHome(jobOf("echo up; sleep 3; echo late; exit 6"));
    const call = startGpujob(["submit", file, "-y"], { home, cwd });
    await vi.waitUntil(() => call.out().includes("up"), { timeout: 30_000 });
    call.kill("SIGKILL");
    await call.result;
    const rows = await runGpujob(["ps", "--json"], { home, cwd });
    expect(JSON.parse(rows.out)).toMatchObject({
      ok: true,
      warnings: [expect.stringContaining("driver")],
    });
    expect((await runGpujob(["wait"], { home, cwd })).code).toBe(6);
    expect((await runGpujob(["logs"], { home, cwd })).out).toBe("up\nlate\n");
  });

  it("reaches the machine of a run: commands with their code, files there and back", async ({
    expect,
  }) => {
    const { home, cwd, file } = await makeHome(jobOf("echo up; sleep 60"));
    const call = startGpujob(["submit", file, "-y"], { home, cwd });
    await vi.waitUntil(() => call.out().includes("up"), { timeout: 30_000 });
    const words = ["exec", "test-run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"];
    const executed = await runGpujob(words, { home, cwd });
    expect(executed).toMatchObject({ code: 7, out: "out\n", err: "err\n" });
    await writeFile(join(cwd, "数据.txt"), "42\n");
    const push = await runGpujob(["push", "test-run", "数据.txt", "in"], { home, cwd });
    expect(push).toMatchObject({ code: 0, out: expect.stringContaining("Sent 1 file") });
    const pull = await runGpujob(["pull", "test-run", "in", "back"], { home, cwd });
    expect(pull).toMatchObject({ code: 0, out: expect.stringContaining("Fetched 1 file") });
    call.kill("SIGTERM");
    expect((await call.result).code).toBe(143);
  });

  it("is stopped from elsewhere, and says that it was", async ({ expect }) => {
    const { home, cwd, file } = await makeHome(jobOf("echo up; sleep 60"));
    const call = startGpujob(["submit", file, "-y"], { home, cwd });
    await vi.waitUntil(() => call.out().includes("up"), { timeout: 30_000 });
    expect((await runGpujob(["stop", "test-run"], { home, cwd })).code).toBe(0);
    expect((await call.result).code).toBe(130);
  });

  it("goes on without a display when the reader of its log is gone", async ({ expect }) => {
    const { home, cwd, file } = await makeHome(jobOf("echo up; sleep 1; echo more; exit 4"));
    const call = startGpujob(["submit", file, "-y"], { home, cwd, closesOut: true });
    expect((await call.result).code).toBe(4);
  });

  it("finds the run again by its idempotency key, and refuses another file under it", async ({
    expect,
  }) => {
    const { home, cwd, file } = await makeHome(jobOf("true"));
    const words = ["submit", file, "-y", "--idempotency-key", "k1", "--json"];
    const first = dataOf((await runGpujob(words, { home, cwd })).out);
    const second = dataOf((await runGpujob(words, { home, cwd })).out);
    expect(second["id"]).toBe(first["id"]);
    await writeFile(join(cwd, file), jobOf("false"));
    expect((await runGpujob(words, { home, cwd })).code).toBe(2);
  });
});
