import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RunFiles } from "@gpujob/engine";
import { createContentStore, hashFile, receiveFiles, takeCheckpoint } from "@gpujob/host";
import type { Checkpoint, ContentStore } from "@gpujob/host";
import type { Clock, HostFile, UploadFile } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { createLogWriter } from "./log-writer.ts";
import { readStored } from "@gpujob/engine";

/** Folders of one run below the state folder. */
export function runFolder(home: string, runId: string): string {
  return join(home, "runs", runId);
}

export function logPath(home: string, runId: string, attempt: number, member: number): string {
  return join(runFolder(home, runId), "logs", `${attempt}-${member}.log`);
}

/** A file of a list: its content is in the store, or, where it is large, still where it was at submit. */
interface KeptFile extends HostFile {
  readonly source?: string;
  readonly link?: string;
}

/** A list of files by content, kept beside the content itself. */
interface Manifest {
  readonly checkpointId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly files: readonly KeptFile[];
}

async function readTail(path: string, bytes: number): Promise<string> {
  const { size } = await stat(path);
  const parts: Buffer[] = [];
  const stream = createReadStream(path, { start: Math.max(0, size - bytes) });
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("utf8");
}

/** Content shared by all runs of this home: code as it was at submit, and checkpoints. */
export function openContentStore(home: string): ContentStore {
  return createContentStore(join(home, "store"));
}

/** The files of runs on this machine; see `RunFiles`. `close`: the logs that are open for writing. */
export function createRunFiles(options: {
  readonly home: string;
  readonly clock: Clock;
  readonly content: ContentStore;
}): RunFiles & { readonly close: () => Promise<void> } {
  const { home, clock, content } = options;

  const logs = createLogWriter();
  const checkpointFolder = (runId: string): string => join(runFolder(home, runId), "checkpoints");

  async function listManifests(runId: string): Promise<readonly Manifest[]> {
    const folder = checkpointFolder(runId);
    const names = await readdir(folder).catch(() => []);
    const manifests = await Promise.all(
      // Written by this program, whole, by rename.
      names
        .filter((name) => name.endsWith(".json"))
        .map(async (name) => readStored<Manifest>(await readFile(join(folder, name), "utf8"))),
    );
    return manifests.toSorted((a, b) => b.at - a.at);
  }

  return {
    async listUploads(runId) {
      const manifest = await readManifest(codeManifest(home, runId));
      return manifest === undefined
        ? []
        : Promise.all(manifest.files.map((file) => openKept(content, file)));
    },
    close: () => logs.close(),
    logSize: (runId, attempt, member) => logs.size(logPath(home, runId, attempt, member)),
    readLogTail: (runId, attempt, member, bytes) =>
      readTail(logPath(home, runId, attempt, member), bytes),
    appendLog: (runId, attempt, member, bytes, offset) =>
      logs.append(logPath(home, runId, attempt, member), bytes, offset, clock.now()),
    async saveCheckpoint(session, attempt, { signal, path, isFinal, keep }) {
      const known = await listManifests(attempt.runId);
      const [last] = known;
      const taken = await takeCheckpoint(session, attempt, path, content, {
        clock,
        signal,
        isStopped: isFinal,
        ...(last === undefined ? {} : { previous: previousOf(path, last) }),
      });
      const { checkpoint, leftOut } = taken;
      if (checkpoint === undefined || checkpoint.files.length === 0)
        return leftOut.length === 0 ? undefined : { skipped: leftOut };
      const files = checkpoint.files.length;
      // The same state seen again is fresh again: its place in the list moves to the front.
      const checkpointId = `${checkpoint.takenAtMs}-${attempt.attempt}`;
      const folder = checkpointFolder(attempt.runId);
      await writeWhole(join(folder, `${checkpointId}.json`), {
        checkpointId,
        at: checkpoint.takenAtMs,
        files: checkpoint.files,
      });
      await forget(
        taken.isUnchanged ? known.slice(0, 1) : known.slice(Math.max(0, keep - 1)),
        folder,
      );
      return { checkpoint: { checkpointId, files, bytes: checkpoint.bytes }, skipped: leftOut };
    },
    async loadCheckpoint(runId, checkpointId) {
      const manifests = await listManifests(runId);
      const manifest =
        checkpointId === undefined
          ? manifests[0]
          : // One that was kept but not journaled, by a driver that died between, may have replaced it.
            (manifests.find((each) => each.checkpointId === checkpointId) ?? manifests[0]);
      return manifest === undefined
        ? []
        : Promise.all(manifest.files.map((file) => content.toUploadFile(file)));
    },
    async collectOutputs(session, attempt, { signal, globs, folder, subfolder, onProgress }) {
      const listing = await session.list(attempt, { globs, outputFolder: true }, { signal });
      if (listing.files.length === 0) return { files: [], skipped: listing.skipped };
      const target = subfolder === undefined ? folder : join(folder, subfolder);
      const report = await receiveFiles(session, attempt, listing, target, {
        clock,
        signal,
        ...(onProgress === undefined ? {} : { onProgress }),
      });
      const bytes = listing.files.reduce((sum, file) => sum + file.bytes, 0);
      return { files: report.files.map((file) => file.localPath), skipped: report.skipped, bytes };
    },
  };
}

/** Where the list of a run's code is kept. */
export function codeManifest(home: string, runId: string): string {
  return join(runFolder(home, runId), "code.json");
}

/** The code of a run by content; `undefined` where it is not kept any more. */
export async function listCode(
  home: string,
  runId: string,
): Promise<readonly Pick<HostFile, "sha256" | "bytes">[] | undefined> {
  return (await readManifest(codeManifest(home, runId)))?.files;
}

/** Larger files are not copied at submit; should one have changed by the time it is sent, the host's check says so. */
const copyLimitBytes = 32 * 1024 ** 2;

/** A file of a job's code, with the place on this machine where it may be read again. */
export interface CodeFile {
  readonly file: UploadFile;
  readonly source: string;
}

/** Keeps the code of a run as it is now, so that every attempt and every retry gets the same. */
export async function saveCode(options: {
  readonly home: string;
  readonly runId: string;
  readonly at: number;
  readonly content: ContentStore;
  readonly files: readonly CodeFile[];
  readonly signal: AbortSignal;
}): Promise<void> {
  const { content, signal } = options;
  const files: KeptFile[] = [];
  for (const { file, source } of options.files) {
    const { path, bytes, mode, mtimeMs, sha256, link } = file;
    const kept = { path, bytes, mode, mtimeMs, sha256 };
    if (link !== undefined) files.push({ ...kept, link });
    else if (bytes > copyLimitBytes) files.push({ ...kept, source });
    else {
      files.push(await copyFile(content, kept, source, signal));
    }
  }
  await writeWhole(codeManifest(options.home, options.runId), {
    checkpointId: "code",
    at: options.at,
    files,
  });
}

/** A file that is changed while it is read is read again as it is then. */
async function copyFile(
  content: ContentStore,
  file: HostFile,
  source: string,
  signal: AbortSignal,
): Promise<HostFile> {
  for (let tries = 1; ; tries += 1) {
    const { size, mtimeMs } = await stat(source);
    const isSame = size === file.bytes && mtimeMs === file.mtimeMs && tries === 1;
    const now = isSame
      ? file
      : { ...file, bytes: size, mtimeMs, sha256: await hashFile(source, { signal }) };
    try {
      await content.put(now, (offset) => createReadStream(source, { start: offset }), { signal });
      return now;
    } catch (error) {
      if (!GpujobError.is(error) || error.kind !== "download_failed") throw error;
      if (tries < mostReads) continue;
      throw new GpujobError("usage", `${file.path} changes faster than it can be read.`, {
        hint: "Leave it out with a line in .gpujobignore.",
        cause: error,
      });
    }
  }
}

const mostReads = 3;

async function openKept(content: ContentStore, { source, ...file }: KeptFile): Promise<UploadFile> {
  if (file.link !== undefined) return { ...file, open: async function* () {} };
  if (source === undefined) return content.toUploadFile(file);
  return {
    ...file,
    open: () => createReadStream(source),
    openRange: (start, end) => createReadStream(source, { start, end: end - 1 }),
  };
}

function previousOf(path: string, manifest: Manifest): Checkpoint {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  return { path, files: manifest.files, bytes, takenAtMs: manifest.at };
}

async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    return readStored<Manifest>(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeWhole(path: string, value: Manifest): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.new`;
  await writeFile(draft, JSON.stringify(value), { mode: 0o600, flush: true });
  await rename(draft, path);
}

/** Only the lists go; content that nothing names any more is swept by `prune`. */
async function forget(manifests: readonly Manifest[], folder: string): Promise<void> {
  await Promise.all(
    manifests.map(({ checkpointId }) => rm(join(folder, `${checkpointId}.json`), { force: true })),
  );
}
