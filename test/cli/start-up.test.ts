import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { makeFolder, runGpujob } from "./support/gpujob.ts";

/** The text of every file of ours that a call loaded. */
async function loadedBy(argv: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const home = await makeFolder();
  const folder = join(home, "coverage");
  await runGpujob(argv, { home, environment: { NODE_V8_COVERAGE: folder } });
  const texts = new Map<string, string>();
  for (const name of await readdir(folder)) {
    const report: unknown = JSON.parse(await readFile(join(folder, name), "utf8"));
    for (const url of JSON.stringify(report).match(/file:\/\/[^"]+/g) ?? []) {
      const path = fileURLToPath(url);
      if (!texts.has(path)) texts.set(path, await readFile(path, "utf8"));
    }
  }
  return texts;
}

/** Names that stay in a minified bundle, and only in code of these libraries. */
const marks = { oclif: "NonExistentFlagsError", zod: "ZodError", inquirer: "ExitPromptError" };

async function librariesOf(argv: readonly string[]): Promise<readonly string[]> {
  const texts = [...(await loadedBy(argv)).values()].join("\n");
  return Object.entries(marks).flatMap(([name, mark]) => (texts.includes(mark) ? [name] : []));
}

describe("starting up", () => {
  it("loads one file for --version", async ({ expect }) => {
    const files = [...(await loadedBy(["--version"])).keys()];
    expect(files).toEqual([expect.stringMatching(/bin\/gpujob\.js$/)]);
  });

  it("loads oclif for a help and a wrong line, which shows that this test can see it", async ({
    expect,
  }) => {
    expect(await librariesOf(["submit", "--help"])).toContain("oclif");
    expect(await librariesOf(["ps", "--nope"])).toContain("oclif");
  });

  it("loads neither oclif nor zod nor questions for ps and completion", async ({ expect }) => {
    expect(await librariesOf(["ps"])).toEqual([]);
    expect(await librariesOf(["completion", "bash"])).toEqual([]);
  });
});
