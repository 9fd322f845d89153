import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { runGpujob } from "../cli/support/gpujob.ts";
import { copyExample, readMachines } from "./support/example.ts";

describe("examples/failover", () => {
  it("goes past a full account, a lost answer and a dead machine, and ends what says it has ended", async ({
    expect,
  }) => {
    const example = await copyExample("failover");
    const { folder, home } = example;
    const call = { home, cwd: folder, timeoutMs: 150_000 };
    const { code, out, err } = await runGpujob(["submit", "job.yaml", "-y"], call);
    expect({ code, err }).toMatchObject({ code: 0 });
    const run = await example.read("show");
    expect(run).toMatchObject({
      state: "succeeded",
      billing: "ended",
      attempts: [{ platform: "lab" }, { platform: "shaky" }, { platform: "solid" }],
    });
    // What was saved before the machine died is not counted again.
    const [, resumedAt] = /counting from (\d+): attempt 3 on solid/.exec(out) ?? [];
    expect(Number(resumedAt)).toBeGreaterThan(1);
    const counted = join(folder, "outputs", String(run["id"]), "counted");
    expect(await readFile(counted, "utf8")).toBe("20, ended by attempt 3 on solid\n");
    // The order whose answer was lost made one machine, not two.
    expect(await readMachines(example)).toMatchObject([
      { platform: "shaky", endedAt: expect.any(String) },
      { platform: "solid", endedAt: expect.any(String) },
    ]);
  });

  it("never plans on a platform that the file denies, however cheap", async ({ expect }) => {
    const { read } = await copyExample("failover");
    const plan = await read("plan", "job.yaml");
    expect(plan["candidates"]).toMatchObject([
      { platform: "lab" },
      { platform: "shaky" },
      { platform: "solid" },
    ]);
    expect(JSON.stringify(plan)).not.toContain("expensive");
  });
});
