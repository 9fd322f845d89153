import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { runGpujob, startGpujob } from "./support/gpujob.ts";
import { jobOf, makeMarketHome, marketOf, readEnvelope } from "./support/market.ts";

interface RunData {
  readonly failure?: { readonly kind: string };
  readonly billing?: unknown;
}

/** What a submit ends with, and the kind that tells our code from a job's own. */
async function submit(
  market: string,
  job: string,
  options: {
    readonly args?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<{
  readonly code: number | null;
  readonly kind: string | undefined;
  readonly billing: unknown;
}> {
  const place = await makeMarketHome(market, { "job.yaml": job });
  const { code, out } = await runGpujob(
    ["submit", "job.yaml", "-y", "--json", ...(options.args ?? [])],
    {
      ...place,
      timeoutMs: 90_000,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    },
  );
  const { error, data } = readEnvelope<RunData>(out);
  return { code, kind: error?.kind ?? data?.failure?.kind, billing: data?.billing };
}

describe("exit codes", () => {
  it("passes the job's own code on, and 128+N for a signal", async ({ expect }) => {
    expect(await submit(marketOf(), jobOf("exit 0"))).toMatchObject({ code: 0, billing: "ended" });
    expect(await submit(marketOf(), jobOf("exit 42"))).toMatchObject({
      code: 42,
      billing: "ended",
    });
    expect(await submit(marketOf(), jobOf("kill -USR1 $$"))).toMatchObject({ code: 138 });
  });

  it("2: a wrong file, a missing value, a missing secret, a flag that is not there", async ({
    expect,
  }) => {
    expect(await submit(marketOf(), "rum: true\n")).toMatchObject({
      code: 2,
      kind: "spec_invalid",
    });
    expect(await submit(marketOf(), jobOf("true", "env: { KEY: }\n"))).toMatchObject({ code: 2 });
    expect(await submit(marketOf(), jobOf("true", "secrets: [NOT_SET]\n"))).toMatchObject({
      code: 2,
    });
    expect(await submit(marketOf(), jobOf("true"), { args: ["--no-such-flag"] })).toMatchObject({
      code: 2,
    });
  });

  it("114: nothing fits, or nothing under the price limit", async ({ expect }) => {
    expect(await submit(marketOf(), jobOf("true"), { args: ["--gpu", "H100"] })).toMatchObject({
      code: 114,
      kind: "no_offer_matches",
    });
    expect(
      await submit(marketOf(), jobOf("true"), { args: ["--max-price", "1 CNY/h"] }),
    ).toMatchObject({ code: 114 });
  });

  it("115: none could be rented", async ({ expect }) => {
    const refused = marketOf(["{ on: create, do: error, kind: no_capacity }"]);
    expect(await submit(refused, jobOf("true"))).toMatchObject({
      code: 115,
      kind: "nothing_rented",
      billing: "none",
    });
  });

  it("116: the account stands in the way", async ({ expect }) => {
    const refused = marketOf(["{ on: list-offers, do: error, kind: unauthorized }"]).replace(
      "list-offers",
      "offers",
    );
    expect(await submit(refused, jobOf("true"))).toMatchObject({ code: 116 });
  });

  it("117: the budget is too small, or is reached", async ({ expect }) => {
    expect(
      await submit(marketOf(), jobOf("true"), { args: ["--budget", "0.01 CNY"] }),
    ).toMatchObject({
      code: 117,
      billing: undefined,
    });
    const job = jobOf(
      "trap 'exit 0' TERM; while true; do sleep 0.2; done",
      "checkpoint: { path: c, grace: 1s }\n",
    );
    expect(await submit(marketOf(), job, { args: ["--budget", "0.75 CNY"] })).toMatchObject({
      code: 117,
      kind: "budget_reached",
      billing: "ended",
    });
  });

  it("118: the time limit is reached", async ({ expect }) => {
    expect(
      await submit(marketOf(), jobOf("sleep 60"), { args: ["--max-time", "3s"] }),
    ).toMatchObject({
      code: 118,
      kind: "time_limit",
      billing: "ended",
    });
  });

  it("119: interrupted more often than allowed", async ({ expect }) => {
    const market = marketOf(["{ on: lease, after: 4s, do: die }"]);
    const job = jobOf("sleep 60", "retry: { interruptions: 0 }\n");
    expect(await submit(market, job)).toMatchObject({ code: 119, billing: "ended" });
  });

  it("120: the set-up failed", async ({ expect }) => {
    expect(await submit(marketOf(), jobOf("true", "setup: exit 5\n"))).toMatchObject({
      code: 120,
      kind: "setup_failed",
    });
  });

  it("121: the job is over, and how it ended was lost", async ({ expect }) => {
    // Whoever waits for the job is killed, and the job is gone before another can.
    expect(await submit(marketOf(), jobOf("kill -9 $PPID; exit 0"))).toMatchObject({
      code: 121,
      kind: "result_unknown",
      billing: "ended",
    });
  });

  it("122: the outputs could not be fetched while the machine was held", async ({
    expect,
    onTestFinished,
  }) => {
    // The folder could be written when the run began; its job, which runs on this computer, puts a file in its place.
    const run = 'echo 1 > $GPUJOB_OUTPUT_DIR/a; mkdir -p "$PLACE"; touch "$PLACE/out"';
    const job = jobOf(run, "limits: { hold: 2s }\n");
    const folder = join(tmpdir(), `gpujob-no-folder-${process.pid}`);
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const args = ["--output", join(folder, "out"), "-e", `PLACE=${folder}`];
    expect(await submit(marketOf(), job, { args })).toMatchObject({ code: 122, billing: "ended" });
  });

  it("2: outputs could not be written, which is seen before anything is rented", async ({
    expect,
  }) => {
    for (const folder of ["/proc/outputs", "job.yaml/under-a-file"]) {
      const args = ["--output", folder];
      expect(await submit(marketOf(), jobOf("true"), { args })).toMatchObject({
        code: 2,
        kind: "usage",
      });
    }
  });

  it("123: the release is not confirmed, which outranks all", async ({ expect }) => {
    const market = `${marketOf(["{ on: release, do: ignore }"])}timeouts: { release: 2s }\n`;
    const place = await makeMarketHome(market, { "job.yaml": jobOf("exit 7") });
    const { code, out } = await runGpujob(["submit", "job.yaml", "-y", "--json"], {
      ...place,
      timeoutMs: 60_000,
    });
    expect(code).toBe(123);
    expect(readEnvelope(out)).toMatchObject({
      data: { state: "release-unconfirmed", billing: "unconfirmed" },
    });
    const audit = await runGpujob(["audit", "--json"], place);
    expect(audit.code).toBe(123);
    expect(readEnvelope(audit.out).data).toMatchObject({ unconfirmed: [{ platform: "cheap" }] });
  });

  it("124: wait has waited long enough", async ({ expect }) => {
    const place = await makeMarketHome(marketOf(), { "job.yaml": jobOf("sleep 60") });
    const { out } = await runGpujob(["submit", "job.yaml", "-y", "-d"], place);
    const waited = await runGpujob(["wait", out.trim(), "--timeout", "1s", "--json"], place);
    expect(waited.code).toBe(124);
    await runGpujob(["stop", out.trim(), "--now"], place);
  });

  it("130: stopped by its user; 143: asked to end", async ({ expect }) => {
    const place = await makeMarketHome(marketOf(), { "job.yaml": jobOf("echo up; sleep 60") });
    for (const [signal, wanted] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const call = startGpujob(["submit", "job.yaml", "-y"], place);
      while (!call.out().includes("up")) await new Promise((resolve) => setTimeout(resolve, 50));
      call.kill(signal);
      expect((await call.result).code).toBe(wanted);
    }
  });

  it("125: the state cannot be used", async ({ expect }) => {
    const place = await makeMarketHome(marketOf());
    const text = "this is no database, and never was one";
    await writeFile(join(place.home, "state/gpujob.db"), text, { mode: 0o600 });
    const { code, out } = await runGpujob(["ps", "--json"], place);
    expect(code).toBe(125);
    expect(readEnvelope(out)).toMatchObject({ ok: false, error: { kind: "store" } });
  });
});
