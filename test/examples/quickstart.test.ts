import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, it } from "vitest";
import { makeFolder, runGpujob } from "../cli/support/gpujob.ts";
import { copyExample, examplesFolder, readMachines } from "./support/example.ts";

/** Loss by epoch, as metrics.json has it. */
async function readLosses(folder: string): Promise<readonly number[]> {
  const { history }: { history: { epoch: number; loss: number }[] } = JSON.parse(
    await readFile(join(folder, "metrics.json"), "utf8"),
  );
  return history.map(({ loss }) => loss);
}

/** Trains with no gpujob around it, as fast as this computer can. */
async function trainUnbroken(): Promise<readonly number[]> {
  const folder = await makeFolder();
  const script = join(examplesFolder, "quickstart/train.py");
  await promisify(execFile)("python3", ["-B", script], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", EPOCH_SECONDS: "0" },
  });
  return readLosses(join(folder, "outputs"));
}

describe("examples/quickstart", () => {
  it("finds no stock, is interrupted, and learns on elsewhere what it would have learnt unbroken", async ({
    expect,
  }) => {
    const example = await copyExample("quickstart");
    const { folder, home } = example;
    const [{ code, out, err }, unbroken] = await Promise.all([
      runGpujob(["submit", "train.yaml", "-y"], { home, cwd: folder, timeoutMs: 150_000 }),
      trainUnbroken(),
    ]);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).toMatch(/starting: attempt 2 on spot/);
    expect(out).toMatch(
      /told to stop: saved in epoch \d+\nresuming at epoch \d+: attempt 3 on steady/,
    );
    const run = await example.read("show");
    expect(run).toMatchObject({
      state: "succeeded",
      billing: "ended",
      attempts: [{ platform: "bargain" }, { platform: "spot" }, { platform: "steady" }],
    });
    const results = join(folder, "outputs", String(run["id"]));
    expect(await readLosses(results)).toEqual(unbroken);
    expect(await readFile(join(results, "loss.svg"), "utf8")).toMatch(/^<svg [^]*<\/svg>\n$/);
    // The cost of each attempt is shown, and every machine is gone.
    for (const word of ["bargain", "spot", "steady", "CNY"]) expect(err).toContain(word);
    expect(await readMachines(example)).toMatchObject([
      { platform: "spot", endedAt: expect.any(String) },
      { platform: "steady", endedAt: expect.any(String) },
    ]);
  });
});
