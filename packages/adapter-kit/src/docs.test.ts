import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, it } from "vitest";

const here = dirname(fileURLToPath(import.meta.url));
const document = await readFile(join(here, "../../../docs/writing-an-adapter.md"), "utf8");
const readme = await readFile(join(here, "../README.md"), "utf8");

/** The complete files of the document: blocks whose first line is a comment with their name. */
function readBlocks(markdown: string): ReadonlyMap<string, string> {
  const blocks = new Map<string, string>();
  for (const [, name, text] of markdown.matchAll(/^```\w+\n\/\/ (\S+)\n([^]*?)^```$/gm)) {
    if (name !== undefined && text !== undefined) blocks.set(name, text);
  }
  return blocks;
}

const blocks = readBlocks(document);

// Inside the package, so that its imports are found, and where no other tool looks.
await mkdir(join(here, "../dist"), { recursive: true });
const folder = await mkdtemp(join(here, "../dist/docs-"));
// What the files refer to above their own folder.
for (const name of ["tsconfig.base.json", "packages"]) {
  await symlink(join(here, "../../..", name), join(folder, name));
}
for (const [name, text] of [...blocks, ...readBlocks(readme)]) {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

afterAll(() => rm(folder, { recursive: true }));

describe("docs/writing-an-adapter.md", () => {
  it("shows every file of an adapter", ({ expect }) => {
    const names = [...blocks.keys()].map((name) => name.replace("adapters/acme/", ""));
    expect(names).toEqual(
      expect.arrayContaining([
        "package.json",
        "tsconfig.json",
        "src/index.ts",
        "src/config.ts",
        "src/api.ts",
        "src/errors.ts",
        "src/adapter.ts",
        "test/conformance.test.ts",
      ]),
    );
    for (const [name, text] of blocks) {
      if (name.endsWith(".json")) expect(() => JSON.parse(text)).not.toThrow();
    }
  });

  it("keeps the test of an adapter short", ({ expect }) => {
    const test = blocks.get("adapters/acme/test/conformance.test.ts") ?? "";
    expect(test.split("\n").length).toBeLessThan(35);
  });
});

describe("README.md", () => {
  it("shows an example that does what it says", async ({ expect }) => {
    const example: unknown = await import(join(folder, "example.ts"));
    expect(example).toMatchObject({
      first: "outcome_unknown",
      bills: [{ seconds: 3600, amount: { currency: "CNY", micros: 1_320_000 } }],
    });
  });
});

// The tests of the document itself, as its reader would run them.
await import(join(folder, "adapters/acme/test/errors.test.ts"));
await import(join(folder, "adapters/acme/test/conformance.test.ts"));
