import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, it } from "vitest";
import { binPath, makeFolder } from "./support/gpujob.ts";

const run = promisify(execFile);

/** A Node on the search path that is too old for the program; `undefined` where there is none. */
async function findOldNode(): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const node = join(folder, "node");
    if (!existsSync(node)) continue;
    const { stdout } = await run(node, ["-p", "process.versions.node"]).catch(() => ({
      stdout: "",
    }));
    const [major = 0, minor = 0] = stdout.split(".").map(Number);
    if (major > 0 && (major < 24 || (major === 24 && minor < 15))) return node;
  }
  return undefined;
}

describe("the program under a Node that is too old", () => {
  let old: string | undefined;
  beforeAll(async () => {
    old = await findOldNode();
  });

  it("starts itself with the newer one of its node_modules, passing words and code", async ({
    expect,
    skip,
  }) => {
    const node = old ?? skip("no Node below 24.15 is on the search path");
    const { stdout } = await run(node, [binPath, "--version", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { node: process.versions.node } });
    await expect(run(node, [binPath, "nope"])).rejects.toMatchObject({ code: 2 });
  });

  it("says so in one sentence where there is no newer one", async ({ expect, skip }) => {
    const node = old ?? skip("no Node below 24.15 is on the search path");
    const home = await makeFolder();
    await mkdir(join(home, "bin"));
    await copyFile(binPath, join(home, "bin/gpujob.js"));
    await copyFile(resolve(binPath, "../../package.json"), join(home, "package.json"));
    await expect(run(node, [join(home, "bin/gpujob.js"), "ps"])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^gpujob needs Node 24\.15 or later, and this is .+\.\n$/),
    });
  });
});
