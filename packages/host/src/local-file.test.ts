import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
import { hashFile } from "./local-file.ts";

async function makeFile(content: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gpujob-local-file-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  await writeFile(path, content);
  return path;
}

describe.concurrent("hashFile", () => {
  it("gives the hash of a file of any size", async ({ expect }) => {
    const { signal } = new AbortController();
    const piece = 1 << 19;
    for (const bytes of [0, 1, 131_072, 131_073, piece, piece + 1, 2 * piece, 5 * piece + 7]) {
      const content = randomBytes(bytes);
      const path = await makeFile(content);
      const expected = createHash("sha256").update(content).digest("hex");
      expect(await hashFile(path, { signal, bytes })).toBe(expected);
      expect(await hashFile(path, { signal })).toBe(expected);
    }
  });

  it("ends once it is cancelled", async ({ expect }) => {
    const path = await makeFile(randomBytes(1 << 20));
    const signal = AbortSignal.abort(new Error("no longer wanted"));
    await expect(hashFile(path, { signal })).rejects.toThrow("no longer wanted");
  });
});
