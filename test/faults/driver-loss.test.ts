import { writeFile } from "node:fs/promises";
import { describe, it, onTestFinished } from "vitest";
import { createGpujob } from "@gpujob/sdk";
import { join } from "node:path";
import { makeFaultHome, until } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { readRunFacts } from "./support/run-facts.ts";
import { plainScenario, witnessedJob } from "./support/scenarios.ts";

const job = witnessedJob("lost", "sleep 4; exit 6", "resources: { gpu: RTX4090 }\n");

async function makeHome(): Promise<FaultHome> {
  const home = await makeFaultHome({ config: plainScenario.config, jobs: { "job.yaml": job } });
  onTestFinished(() => home.remove());
  return home;
}

describe("a driver that is lost while others look at its run", () => {
  it("is replaced by the `wait` that is waiting for its run", async ({ expect }) => {
    const home = await makeHome();
    const submitted = home.start(["submit", "job.yaml", "-y"]);
    await until("the job runs", async () => (await home.readTruth("starts-lost")).length > 0);
    const waiting = home.start(["wait", "--timeout", "60s"]);
    // Its own look for dead drivers, which every command begins with, is over by then.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    submitted.kill("SIGKILL");
    const { code, err } = await waiting.result;
    expect({ code, err }).toMatchObject({ code: 6 });
    const [run] = await home.look((gpujob) => gpujob.listRuns({ all: true }));
    expect((await readRunFacts(home, run?.id ?? "")).violations).toEqual([]);
  });

  it("is replaced by the library that submits again with the same key", async ({ expect }) => {
    const home = await makeHome();
    const words = ["submit", "job.yaml", "-y", "--idempotency-key", "k"];
    await home.run(words, { GPUJOB_CRASH_AT: "after-commit:job-started" });
    const gpujob = createGpujob({
      home: join(home.home, "state"),
      cwd: home.cwd,
      environment: { HOME: home.home, PATH: process.env["PATH"] },
    });
    onTestFinished(() => gpujob.close());
    const { signal } = new AbortController();
    const again = await gpujob.submit({ file: "job.yaml", idempotencyKey: "k" }, { signal });
    expect(again.isNew).toBe(false);
    expect(await again.result).toMatchObject({ exitCode: 6, billing: "ended" });
    expect((await readRunFacts(home, again.id)).violations).toEqual([]);
  });
});

describe("a platform that is taken out of the configuration while its machine runs", () => {
  it("is missed aloud with its machine, which is released once it is back", async ({ expect }) => {
    const home = await makeHome();
    const configPath = join(home.home, "state", "config.yaml");
    const submitted = home.start(["submit", "job.yaml", "-y"]);
    await until("the job runs", async () => (await home.readTruth("starts-lost")).length > 0);
    submitted.kill("SIGKILL");
    await submitted.result;
    await writeFile(configPath, plainScenario.config.replace(/^ {2}\w+:/m, "  other:"));
    const audit = await home.run(["audit"]);
    expect(audit.code).toBe(123);
    expect(audit.out).toContain("its platform is not configured here");
    expect((await home.run(["ps"])).out).toMatch(/lost .*running/);
    await writeFile(configPath, plainScenario.config);
    const waited = await home.run(["wait", "--timeout", "60s"]);
    expect(waited.code).toBe(6);
    const [run] = await home.look((gpujob) => gpujob.listRuns({ all: true }));
    expect(run).toMatchObject({ billing: "ended" });
    expect((await readRunFacts(home, run?.id ?? "")).violations).toEqual([]);
  });
});
