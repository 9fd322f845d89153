import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, it } from "vitest";
import { makeFolder } from "../cli/support/gpujob.ts";
import { examplesFolder } from "./support/example.ts";

describe("examples/sdk", () => {
  it("plans and runs a job from a program, and tells its cost", async ({ expect }) => {
    const home = await makeFolder();
    const program = join(examplesFolder, "sdk/run-job.ts");
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, home], {
      env: { PATH: process.env["PATH"] ?? "", HOME: home, GPUJOB_HOME: join(home, "state") },
    });
    expect(stdout).toBe("hello from market\n");
    expect(stderr).toMatch(/^1 offers fit; market is first/);
    expect(stderr).toMatch(/succeeded, 0\.\d+ CNY, outputs: .*hello\.txt\n$/);
    expect(await readFile(join(home, "hello.txt"), "utf8")).toBe("hello from market\n");
  });
});
