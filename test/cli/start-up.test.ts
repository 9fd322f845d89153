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
const marks = {
  "oclif's parser": "NonExistentFlagsError",
  "oclif's help": "FLAG DESCRIPTIONS",
  zod: "ZodError",
  questions: "AbortPromptError",
};

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
    expect(await librariesOf(["submit", "--help"])).toContain("oclif's help");
    expect(await librariesOf(["ps", "--nope"])).toContain("oclif's parser");
  });

  it("loads neither oclif nor zod nor questions for completion", async ({ expect }) => {
    expect(await librariesOf(["completion", "bash"])).toEqual([]);
  });

  // The library still loads its schemas with the rest of it; once it does not, this is the same list as above.
  it("loads neither oclif nor questions for ps", async ({ expect }) => {
    const libraries = await librariesOf(["ps"]);
    expect(libraries.filter((name) => name !== "zod")).toEqual([]);
  });
});
