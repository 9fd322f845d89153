import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { runGpujob } from "../cli/support/gpujob.ts";
import { copyExample, readMachines } from "./support/example.ts";

describe("examples/several-nodes", () => {
  it("gives back what it got where one machine is missing, and trains on three that agree", async ({
    expect,
  }) => {
    const example = await copyExample("several-nodes");
    const { folder, home } = example;
    const { code, out, err } = await runGpujob(["submit", "job.yaml", "-y"], { home, cwd: folder });
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).toContain("[2] node 2 of 3 is ready");
    expect(out).toContain("[0] step 200");
    const run = await example.read("show");
    expect(run).toMatchObject({
      attempts: [{ platform: "scarce" }, { platform: "ample", leases: { length: 3 } }],
    });
    const results = join(folder, "outputs", String(run["id"]));
    const lines = await Promise.all(
      ["line.json", "node-1/line.json", "node-2/line.json"].map(async (name) =>
        JSON.parse(await readFile(join(results, name), "utf8")),
      ),
    );
    expect(lines.map(({ rank }) => rank)).toEqual([0, 1, 2]);
    expect(new Set(lines.map(({ slope, offset }) => `${slope} ${offset}`)).size).toBe(1);
    expect(lines[0].slope).toBeCloseTo(3, 1);
    const machines = await readMachines(example);
    expect(machines.filter(({ platform }) => platform === "ample")).toHaveLength(3);
    for (const machine of machines) expect(machine["endedAt"]).not.toBeNull();
  });
});
