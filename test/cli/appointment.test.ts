import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, onTestFinished, vi } from "vitest";
import { makeFolder, runGpujob, startGpujob } from "./support/gpujob.ts";

const config = `
platforms:
  cheap:
    adapter: mock
    boot: 100ms
    account:
      member: 0.5
      tax: 10%
      coupons: [{ amount: 1 CNY, asOf: 2020-01-01 }]
      terms: [{ gpu: RTX4090, per: day, price: 20 CNY }]
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 2 CNY/h }]
`;

async function makeHome(): Promise<{ readonly home: string; readonly cwd: string }> {
  const home = await makeFolder();
  const cwd = join(home, "project");
  await mkdir(join(home, "state"), { recursive: true });
  await mkdir(cwd);
  await writeFile(join(home, "state/config.yaml"), config);
  await writeFile(join(cwd, "job.yaml"), 'run: "true"\noutputs: ["*.txt"]\n');
  onTestFinished(async () => {
    await runGpujob(["mock", "reset"], { home });
  });
  return { home, cwd };
}

const wait = { timeout: 60_000, interval: 200 };
const nextYear = `${new Date().getUTCFullYear() + 1}-01-01T02:00+08:00`;

describe("a run that begins later", () => {
  it("waits without renting, outlives its driver, and is cancelled by a word", async ({
    expect,
  }) => {
    const { home, cwd } = await makeHome();
    const place = { home, cwd };
    const call = startGpujob(["submit", "job.yaml", "-y", "--start-at", nextYear], place);
    await vi.waitFor(async () => {
      const { out } = await runGpujob(["show", "--json"], place);
      expect(out).toMatch(/"state":"queued".*"reason":"Starts at /);
    }, wait);
    call.kill("SIGKILL");
    await call.result;
    // Whoever looks next has it adopted.
    await runGpujob(["ps"], place);
    const stopped = await runGpujob(["stop", "--all"], place);
    expect(stopped.code).toBe(0);
    await vi.waitFor(async () => {
      const { out } = await runGpujob(["show", "--json"], place);
      expect(out).toMatch(/"state":"cancelled".*"attempts":\[\]/);
    }, wait);
    const { out } = await runGpujob(["mock", "meter", "--json"], place);
    expect(JSON.parse(out)).toMatchObject({ data: { machines: [] } });
  });

  it("is refused where its time is over or has no zone, before anything is asked", async ({
    expect,
  }) => {
    const place = await makeHome();
    const over = await runGpujob(
      ["submit", "job.yaml", "-y", "--start-at", "2020-01-01T00:00Z"],
      place,
    );
    expect(over).toMatchObject({ code: 2, err: expect.stringContaining("startAt is over") });
    const bare = await runGpujob(["plan", "job.yaml", "--deadline", "08:00"], place);
    expect(bare).toMatchObject({ code: 2, err: expect.stringContaining("zone") });
  });

  it("leaves out of a plan what cannot be done by the deadline", async ({ expect }) => {
    const place = await makeHome();
    const soon = new Date(Date.now() + 600_000).toISOString();
    const { code, err } = await runGpujob(["submit", "job.yaml", "-y", "--deadline", soon], place);
    expect(code).toBe(114);
    expect(err).toContain("after the deadline");
    expect(err).toContain("deadline");
  });
});

describe("money on the command line", () => {
  it("is shown with its parts, what is unknown of it, and who pays", async ({ expect }) => {
    const place = await makeHome();
    const { out } = await runGpujob(["plan", "job.yaml", "--explain"], place);
    expect(out).toContain("discount (member 0.5) 1.00 CNY");
    expect(out).toContain("download unknown");
    expect(out).toContain("= at least 1.10 CNY");
    expect(out).toContain("coupons pay 1.00 CNY");
    expect(out).toContain("Not known: the size of the results (expectedOutput)");
  });

  it("is compared with longer terms, and nothing is bought", async ({ expect }) => {
    const place = await makeHome();
    await runGpujob(["submit", "job.yaml", "-y"], place);
    const { out } = await runGpujob(["cost", "--advise"], place);
    expect(out).toContain("platforms.cheap.account.terms");
    expect(out).toContain("by the hour is cheapest");
    expect(out).toContain("Nothing is bought");
    const cost = await runGpujob(["cost", "--json"], place);
    expect(JSON.parse(cost.out)).toMatchObject({
      data: { toPay: { amount: { micros: 0 }, coupons: { micros: expect.any(Number) } } },
    });
  });
});
