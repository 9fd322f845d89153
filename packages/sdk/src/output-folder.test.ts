import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkOutputFolder } from "./output-folder.ts";

async function makeRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "gpujob-output-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return root;
}

it("is asked by many runs at once for folders that are not there yet, and leaves nothing behind", async () => {
  const root = await makeRoot();
  const folders = Array.from({ length: 100 }, (_, index) => join(root, "outputs", `run-${index}`));
  await Promise.all(folders.map((folder) => checkOutputFolder(folder)));
  expect(await readdir(root)).toEqual([]);
});

it.each([
  [
    "below a file",
    async (root: string) => (
      await writeFile(join(root, "file"), ""),
      join(root, "file", "outputs")
    ),
  ],
  ["where no folder can be made", async () => "/proc/gpujob/outputs"],
])("names a folder %s and the way out", async (_, place) => {
  const folder = await place(await makeRoot());
  await expect(checkOutputFolder(folder)).rejects.toMatchObject({
    failure: { kind: "usage" },
    message: expect.stringContaining(folder),
  });
});
