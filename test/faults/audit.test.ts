import { cp, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { AuditReport } from "@gpujob/sdk";
import { describe, it, onTestFinished } from "vitest";
import { makeFaultHome, until } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { witnessedJob } from "./support/scenarios.ts";

const config = `installation: ci-fault-suite
platforms:
  cheap:
    adapter: mock
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 1 CNY/h }]
`;
const job = witnessedJob("pipeline", "sleep 300", "resources: { gpu: RTX4090 }\n");

async function makeHome(): Promise<FaultHome> {
  const home = await makeFaultHome({ config, jobs: { "job.yaml": job } });
  onTestFinished(() => home.remove());
  return home;
}

/** Has the homes of two pipelines see one market, as they would see one platform. */
async function shareMarket(market: string, home: FaultHome): Promise<void> {
  await mkdir(market, { recursive: true, mode: 0o700 });
  await symlink(market, join(home.home, "state", "platforms"));
}

/** A pipeline that was killed in the middle of its job, together with all that it knew. */
async function losePipeline(home: FaultHome): Promise<void> {
  const submitted = home.start(["submit", "job.yaml", "-y"], { CI: "1" });
  await until("the job runs", async () => (await home.readTruth("starts-pipeline")).length > 0);
  submitted.kill("SIGKILL");
  await submitted.result;
  for (const name of ["gpujob.db", "gpujob.db-wal", "gpujob.db-shm", "runs"]) {
    await rm(join(home.home, "state", name), { recursive: true, force: true });
  }
}

async function audit(home: FaultHome, words: readonly string[] = []): Promise<AuditReport> {
  const { out } = await home.run(["audit", "--json", ...words]);
  const answer: unknown = JSON.parse(out);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the program's own envelope
  return (answer as { readonly data: AuditReport }).data;
}

async function countOpen(home: FaultHome): Promise<number> {
  const { machines } = await home.look((gpujob) => gpujob.mockMeter());
  return machines.filter(({ endedAt }) => endedAt === null).length;
}

/** The day goes by: the tags, which never change, name a time in the past from now on. */
function letDeadlinePass(market: string): void {
  const database = new DatabaseSync(join(market, "cheap", "market.sqlite"));
  const rows = database.prepare("SELECT lease_id, tags FROM machines").all();
  for (const { lease_id: leaseId, tags: kept } of rows) {
    const tags = String(kept);
    const changed = tags.replaceAll(/(expires[^"]*":\s*"?)\d+/g, "$11600000000");
    if (changed === tags) throw new Error(`no deadline in ${tags}`);
    database
      .prepare("UPDATE machines SET tags = ? WHERE lease_id = ?")
      .run(changed, String(leaseId));
  }
  database.close();
}

describe("gpujob audit", () => {
  it("finds in a throw-away home what an earlier pipeline left, and releases it once its deadline is over", async ({
    expect,
  }) => {
    const first = await makeHome();
    const market = join(first.home, "market");
    await shareMarket(market, first);
    await losePipeline(first);
    const second = await makeHome();
    await shareMarket(market, second);
    const early = await audit(second, ["--fix"]);
    // It may belong to a pipeline that runs at this moment.
    expect(early).toMatchObject({ fixed: [], unknown: [{ platform: "cheap", runId: null }] });
    expect(await countOpen(second)).toBe(1);
    letDeadlinePass(market);
    const shown = await audit(second);
    expect(shown.unknown[0]?.note).toContain("--fix releases it");
    expect(shown.fixed).toEqual([]);
    const late = await audit(second, ["--fix"]);
    expect(late.fixed).toHaveLength(1);
    await until("it has ended", async () => (await countOpen(second)) === 0);
    expect(await audit(second)).toMatchObject({ billing: [], unknown: [], unconfirmed: [] });
  });

  it("leaves machines alone that are newer than a state file that was restored", async ({
    expect,
  }) => {
    const home = await makeHome();
    const state = join(home.home, "state");
    await home.run(["ps"]);
    await cp(state, join(home.home, "backup"), { recursive: true });
    const submitted = home.start(["submit", "job.yaml", "-y"]);
    await until("the job runs", async () => (await home.readTruth("starts-pipeline")).length > 0);
    submitted.kill("SIGKILL");
    await submitted.result;
    for (const name of ["gpujob.db", "gpujob.db-wal", "gpujob.db-shm"]) {
      await rm(join(state, name), { force: true });
      await cp(join(home.home, "backup", name), join(state, name)).catch(() => undefined);
    }
    const report = await audit(home, ["--fix"]);
    expect(report).toMatchObject({ fixed: [], unknown: [{ runId: null, state: "up" }] });
    expect(await countOpen(home)).toBe(1);
    expect(await home.readTruth("starts-pipeline")).toHaveLength(1);
  });

  it("shows what bills, and exits 123 as long as an end is not proven", async ({ expect }) => {
    const faulty = `${config}    faults: [{ on: release, do: ignore }]\ntimeouts: { release: 1s }\n`;
    const short = witnessedJob("pipeline", "true", "resources: { gpu: RTX4090 }\n");
    const home = await makeFaultHome({ config: faulty, jobs: { "job.yaml": short } });
    onTestFinished(() => home.remove());
    const { code, err } = await home.run(["submit", "job.yaml", "-y"]);
    expect({ code, err }).toMatchObject({ code: 123 });
    const { code: audited, out } = await home.run(["audit", "--json"]);
    expect(audited).toBe(123);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      data: {
        billing: [{ platform: "cheap", state: "up" }],
        unconfirmed: [{ platform: "cheap", state: "releasing" }],
      },
    });
  });
});
