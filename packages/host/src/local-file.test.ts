import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { hashFile } from "./local-file.ts";

interface Folder extends AsyncDisposable {
  readonly write: (content: Buffer) => Promise<string>;
}

async function makeFolder(): Promise<Folder> {
  const folder = await mkdtemp(join(tmpdir(), "gpujob-local-file-"));
  return {
    write: async (content) => {
      const path = join(folder, "file");
      await writeFile(path, content);
      return path;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

describe.concurrent("hashFile", () => {
  it("gives the hash of a file of any size", async ({ expect }) => {
    await using folder = await makeFolder();
    const { signal } = new AbortController();
    const piece = 1 << 19;
    for (const bytes of [0, 1, 131_072, 131_073, piece, piece + 1, 2 * piece, 5 * piece + 7]) {
      const content = randomBytes(bytes);
      const path = await folder.write(content);
      const expected = createHash("sha256").update(content).digest("hex");
      expect(await hashFile(path, { signal, bytes })).toBe(expected);
      expect(await hashFile(path, { signal })).toBe(expected);
    }
  });

  it("ends once it is cancelled", async ({ expect }) => {
    await using folder = await makeFolder();
    const path = await folder.write(randomBytes(1 << 20));
    const signal = AbortSignal.abort(new Error("no longer wanted"));
    await expect(hashFile(path, { signal })).rejects.toThrow("no longer wanted");
  });
});
