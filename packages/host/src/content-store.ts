import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import type { HostFile, UploadFile } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { hasCode, hashFile, readRange, readVerified } from "./local-file.ts";
import { write } from "./streams.ts";

type Wait = { readonly signal: AbortSignal };

/** Contents on this side, by their hash; each is kept once however often it occurs. */
export interface ContentStore {
  has(sha256: string): Promise<boolean>;
  /**
   * Keeps a content. `read` gives its bytes from an offset on: an earlier try that was cut off is continued. Throws
   * `download_failed` when what came has another hash; then nothing is kept.
   */
  put(
    file: HostFile,
    read: (offset: number) => AsyncIterable<Uint8Array>,
    wait: Wait,
  ): Promise<{ readonly receivedBytes: number }>;
  /** Hashes of everything that is here. */
  list(): Promise<string[]>;
  /** A kept content as a file to send, under its path. Throws `not_found` when it is not here. */
  toUploadFile(file: HostFile): Promise<UploadFile>;
  /** Removes everything but these hashes. */
  keepOnly(hashes: ReadonlySet<string>): Promise<void>;
}

/** A store in a folder, made on first use: `aa/hash`, and `partial/` for what is on its way. */
export function createContentStore(folder: string): ContentStore {
  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), checkHash(sha256));
  const has = async (sha256: string): Promise<boolean> => {
    try {
      return (await stat(pathOf(sha256))).isFile();
    } catch (error) {
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    }
  };
  const list = async (): Promise<string[]> => {
    const folders = await readdir(folder).catch(() => []);
    const names = await Promise.all(
      folders
        .filter((name) => /^[0-9a-f]{2}$/.test(name))
        .map((name) => readdir(join(folder, name))),
    );
    return names.flat().filter((name) => /^[0-9a-f]{64}$/.test(name));
  };
  return {
    has,
    list,
    async put(file, read, wait) {
      if (await has(file.sha256)) return { receivedBytes: 0 };
      const partial = join(folder, "partial", checkHash(file.sha256));
      await mkdir(join(folder, "partial"), { recursive: true, mode: 0o700 });
      const receivedBytes = await receivePartial(partial, file, read, wait);
      await mkdir(join(folder, file.sha256.slice(0, 2)), { recursive: true, mode: 0o700 });
      await rename(partial, pathOf(file.sha256));
      return { receivedBytes };
    },
    async toUploadFile(file) {
      const path = pathOf(file.sha256);
      if (!(await has(file.sha256))) {
        throw new GpujobError("not_found", `The content of ${file.path} is not in ${folder}.`);
      }
      const { bytes, mode, mtimeMs, sha256 } = file;
      return {
        path: file.path,
        bytes,
        mode,
        mtimeMs,
        sha256,
        open: () => readVerified(path, file),
        openRange: (start, end) => readRange(path, start, end),
      };
    },
    async keepOnly(hashes) {
      for (const sha256 of await list()) {
        if (!hashes.has(sha256)) await rm(pathOf(sha256), { force: true });
      }
    },
  };
}

/**
 * Brings a content into a file, continuing what is there, and checks its hash. Gives the bytes that came. Throws
 * `download_failed` when the hash is another; the file is then gone.
 */
export async function receivePartial(
  path: string,
  file: HostFile,
  read: (offset: number) => AsyncIterable<Uint8Array>,
  wait: Wait,
): Promise<number> {
  const existing = await stat(path).catch(() => undefined);
  // One byte too many cannot be a beginning of it.
  const offset = existing !== undefined && existing.size <= file.bytes ? existing.size : 0;
  const output = createWriteStream(path, { flags: offset > 0 ? "a" : "w", mode: 0o600 });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  output.on("error", failed.reject);
  const hash = offset === 0 ? createHash("sha256") : undefined;
  let received = 0;
  const copy = async (): Promise<void> => {
    if (offset < file.bytes) {
      for await (const chunk of read(offset)) {
        hash?.update(chunk);
        received += chunk.length;
        await write(output, chunk, wait);
      }
    }
    output.end();
    await finished(output);
  };
  try {
    await Promise.race([copy(), failed.promise]);
  } finally {
    output.destroy();
  }
  const found = hash?.digest("hex") ?? (await hashFile(path, wait));
  if (found === file.sha256) return received;
  await rm(path, { force: true });
  throw new GpujobError("download_failed", `${file.path} changed while it was fetched.`, {
    operation: "read",
  });
}

/** A hash becomes part of a path. */
function checkHash(sha256: string): string {
  if (/^[0-9a-f]{64}$/.test(sha256)) return sha256;
  throw new GpujobError("internal", `${JSON.stringify(sha256.slice(0, 80))} is no SHA-256.`);
}
