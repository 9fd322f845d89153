import { describe, it, onTestFinished } from "vitest";
import { makeFaultHome, until } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { readRunFacts } from "./support/run-facts.ts";
import { witnessedJob } from "./support/scenarios.ts";

/** Counts in its checkpoint; its first attempt goes on until it is interrupted. */
const job = witnessedJob(
  "drilled",
  `mkdir -p ckpt
n=$(cat ckpt/n 2>/dev/null || echo 0)
echo "$n" >> TRUTH/began
while [ "$GPUJOB_ATTEMPT" = 1 ] || [ "$n" -lt 20 ]; do
  sleep 0.2; n=$((n + 1)); echo "$n" > ckpt/n.new; mv ckpt/n.new ckpt/n
done
exit 4`,
  "resources: { gpu: RTX4090 }\ncheckpoint: { path: ckpt, every: 1s, grace: 2s }\n",
);

async function startJob(types: readonly string[], more = ""): Promise<FaultHome> {
  const offers = types.map((type) => `{ type: ${type}, gpu: "RTX4090:24GB:1", price: 1 CNY/h }`);
  const config = `platforms:\n  cheap: { adapter: mock, offers: [${offers.join(", ")}] }\n`;
  const home = await makeFaultHome({ config, jobs: { "job.yaml": job + more } });
  onTestFinished(() => home.remove());
  await home.run(["submit", "job.yaml", "-y", "-d"]);
  await until("the job runs", async () => {
    const run = await home.look((gpujob) => gpujob.showRun(undefined));
    return run.state === "running" && (await home.readTruth("began")).length > 0;
  });
  // Long enough that there is something to save.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return home;
}

describe("gpujob drill", () => {
  it("has the market take the machine back, and sees the job go on from its checkpoint on another", async ({
    expect,
  }) => {
    const home = await startJob(["a", "b"]);
    const { out, code } = await home.run(["drill", "drilled", "--json"]);
    expect({ code, out: JSON.parse(out) }).toMatchObject({
      code: 0,
      out: { ok: true, data: { from: 1, to: 2, isFromCheckpoint: true } },
    });
    expect((await home.run(["wait"])).code).toBe(4);
    expect(Number((await home.readTruth("began"))[1])).toBeGreaterThan(0);
    const { attempts, id } = await home.look((gpujob) => gpujob.showRun(undefined));
    expect(attempts.map(({ offerId }) => offerId)).toEqual(["a", "b"]);
    expect((await readRunFacts(home, id)).violations).toEqual([]);
  });

  it("stops the job as an interruption where there is nothing else to go on with, and takes the same offer again", async ({
    expect,
  }) => {
    const home = await startJob(["a"]);
    const { out, code, err } = await home.run(["drill", "drilled"]);
    expect({ code, out, err }).toMatchObject({
      code: 0,
      out: expect.stringContaining("from its checkpoint: attempt 2, on cheap."),
    });
    expect((await home.run(["wait"])).code).toBe(4);
    const { id } = await home.look((gpujob) => gpujob.showRun(undefined));
    expect((await readRunFacts(home, id)).violations).toEqual([]);
    expect((await home.run(["drill", id])).code).toBe(2);
  });

  it("refuses what would end the run", async ({ expect }) => {
    const home = await startJob(["a", "b"], "retry: { interruptions: 0 }\n");
    const { code, err } = await home.run(["drill", "drilled"]);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining("would end") });
    expect((await home.run(["stop", "drilled", "--now"])).code).toBe(0);
  });
});
