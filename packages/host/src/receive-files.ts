import { createHash } from "node:crypto";
import {
  chmod,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  realpath,
  rm,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import type {
  Clock,
  HostAttempt,
  HostFile,
  HostListing,
  HostSession,
  SkippedFile,
  TransferProgress,
} from "@gpujob/spec";
import { GpujobError, toFailure } from "@gpujob/spec";
import { receivePartial } from "./content-store.ts";
import { outputsMarker } from "./find-names.ts";
import { namingProblem } from "./list-files.ts";
import { hasCode, hashFile } from "./local-file.ts";
import type { LocalName } from "./local-names.ts";
import { chooseLocalNames, withSuffix } from "./local-names.ts";
import { splitBatch } from "./split-batch.ts";

/** Where listed files have gone. */
export interface ReceiveReport {
  readonly files: readonly {
    readonly path: string;
    readonly localPath: string;
    readonly bytes: number;
  }[];
  /** What did not come, with the reason; includes what the listing had skipped. */
  readonly skipped: readonly SkippedFile[];
  /** Files that have another name here, because theirs was taken or is not safe everywhere. */
  readonly renamed: readonly { readonly path: string; readonly localPath: string }[];
  readonly receivedBytes: number;
}

export interface ReceiveOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
  /** Told once each time that the transfer waits, as for space on this computer's disk. */
  readonly onPause?: (message: string) => void;
  /** @default process.platform of the caller */
  readonly platform?: NodeJS.Platform;
}

interface Receiving extends ReceiveOptions {
  readonly session: HostSession;
  readonly attempt: HostAttempt;
  readonly folder: string;
}

const pauseMs = 5000;
/** Files up to this size come many at a time. */
const smallBytes = 256 << 10;
const batchFiles = 500;
const parallel = 4;

/**
 * Brings listed files into a folder: first beside it, then under their name once the hash is right. Called again after
 * a break it goes on with what is missing. It writes nothing outside the folder and overwrites nothing.
 */
export async function receiveFiles(
  session: HostSession,
  attempt: HostAttempt,
  listing: HostListing,
  folder: string,
  options: ReceiveOptions,
): Promise<ReceiveReport> {
  const safe = listing.files.filter((file) => namingProblem(file.path) === undefined);
  const unsafe = listing.files.flatMap((file) => {
    const reason = namingProblem(file.path);
    return reason === undefined ? [] : [{ path: file.path, reason }];
  });
  const skipped: SkippedFile[] = [...listing.skipped, ...unsafe];
  await mkdir(join(folder, partialFolder), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, outputsMarker), "Outputs of a run; not sent again.\n");
  const context: Receiving = { ...options, session, attempt, folder: await realpath(folder) };
  const names = chooseLocalNames(safe, options.platform ?? process.platform);
  const placed: { path: string; localPath: string; bytes: number }[] = [];
  const meter = createMeter(names, options.onProgress);
  const missing: LocalName[] = [];
  for (const wanted of names) {
    const name = await findFreeName(wanted, context);
    if (name.isHere) {
      placed.push(toPlaced(wanted.file, name.name));
      meter.add(wanted.file.bytes, 1);
    } else missing.push({ file: wanted.file, name: name.name });
  }
  const receivedBytes = await receiveMissing(missing, { ...context, meter, placed, skipped });
  await rm(join(context.folder, partialFolder), { recursive: true, force: true });
  return {
    files: placed,
    skipped,
    renamed: placed
      .filter((file) => file.localPath !== file.path)
      .map(({ path, localPath }) => ({ path, localPath })),
    receivedBytes,
  };
}

const partialFolder = ".gpujob-partial";

interface Meter {
  readonly add: (bytes: number, files: number) => void;
}

interface Missing extends Receiving {
  readonly meter: Meter;
  readonly placed: { path: string; localPath: string; bytes: number }[];
  readonly skipped: SkippedFile[];
}

function createMeter(names: readonly LocalName[], onProgress: ReceiveOptions["onProgress"]): Meter {
  const totalBytes = names.reduce((total, { file }) => total + file.bytes, 0);
  let doneBytes = 0;
  let doneFiles = 0;
  return {
    add(bytes, files) {
      doneBytes += bytes;
      doneFiles += files;
      onProgress?.({ doneBytes, totalBytes, doneFiles, totalFiles: names.length });
    },
  };
}

function toPlaced(
  file: HostFile,
  localPath: string,
): { path: string; localPath: string; bytes: number } {
  return { path: file.path, localPath, bytes: file.bytes };
}

/** The wanted name, or the next that is not taken by another content. */
async function findFreeName(
  wanted: LocalName,
  context: Receiving,
): Promise<{ name: string; isHere: boolean }> {
  for (let number = 0; ; number++) {
    const name = number === 0 ? wanted.name : withSuffix(wanted.name, number);
    const path = join(context.folder, name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined) return { name, isHere: false };
    if (!stats.isFile() || stats.size !== wanted.file.bytes) continue;
    if ((await hashFile(path, context)) === wanted.file.sha256) return { name, isHere: true };
  }
}

async function receiveMissing(missing: readonly LocalName[], context: Missing): Promise<number> {
  const small = missing.filter(({ file }) => file.bytes <= smallBytes);
  const batches: LocalName[][] = [];
  for (const from of ["work", "output"] as const) {
    const same = small.filter(({ file }) => (file.from ?? "work") === from);
    for (let at = 0; at < same.length; at += batchFiles) {
      batches.push(same.slice(at, at + batchFiles));
    }
  }
  const canBatch = context.session.readMany !== undefined && small.length > 2;
  const single = canBatch ? missing.filter(({ file }) => file.bytes > smallBytes) : missing;
  let receivedBytes = 0;
  const jobs = [
    ...(canBatch ? batches.map((batch) => () => receiveBatch(batch, context)) : []),
    ...single.map((wanted) => () => receiveOne(wanted, context)),
  ].values();
  const work = async (): Promise<void> => {
    for (const job of jobs) receivedBytes += await job();
  };
  const results = await Promise.allSettled(Array.from({ length: parallel }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return receivedBytes;
}

/** One file, continued where an earlier try stopped. A full disk here is waited for. */
async function receiveOne(wanted: LocalName, context: Missing): Promise<number> {
  const { file } = wanted;
  const { session, attempt, signal, folder } = context;
  const partial = join(folder, partialFolder, file.sha256);
  const read = (offset: number): AsyncIterable<Uint8Array> =>
    session.read(attempt, file, { signal, offset, from: file.from ?? "work" });
  for (let isTold = false; ;) {
    try {
      // Two files of one content come one after the other; the second finds the first's name free of danger.
      const own = `${partial}-${createHash("sha256").update(wanted.name).digest("hex").slice(0, 8)}`;
      const bytes = await receivePartial(own, file, read, context);
      await place(own, wanted, context);
      context.meter.add(file.bytes, 1);
      return bytes;
    } catch (error) {
      if (isFull(error)) {
        if (!isTold) {
          context.onPause?.(
            `The disk with ${folder} is full. Free some space; the download goes on by itself.`,
          );
        }
        isTold = true;
        await context.clock.sleep(pauseMs, { signal });
        continue;
      }
      if (GpujobError.is(error) && ["download_failed", "not_found"].includes(error.kind)) {
        context.skipped.push({ path: file.path, reason: toFailure(error).message });
        return 0;
      }
      throw error;
    }
  }
}

/** Many small files in one stream. What did not come right is fetched one by one. */
async function receiveBatch(batch: readonly LocalName[], context: Missing): Promise<number> {
  const { session, attempt, signal } = context;
  const first = batch[0]?.file;
  if (first === undefined || session.readMany === undefined) return 0;
  const files = batch.map(({ file }) => file);
  const stream = session.readMany(attempt, files, { signal, from: first.from ?? "work" });
  const rest = new Set(batch);
  let receivedBytes = 0;
  try {
    for await (const { index, content } of splitBatch(files, stream)) {
      const wanted = batch[index];
      const isRight = createHash("sha256").update(content).digest("hex") === wanted?.file.sha256;
      // From here on nothing is where it should be.
      if (wanted === undefined || !isRight) break;
      const own = join(context.folder, partialFolder, `${wanted.file.sha256}-${index}`);
      await writeFile(own, content, { mode: 0o600 });
      await place(own, wanted, context);
      context.meter.add(content.length, 1);
      receivedBytes += content.length;
      rest.delete(wanted);
    }
  } catch (error) {
    const isOneByOne = isFull(error) || (GpujobError.is(error) && error.kind === "not_found");
    if (!isOneByOne) throw error;
  }
  for (const wanted of rest) receivedBytes += await receiveOne(wanted, context);
  return receivedBytes;
}

function isFull(error: unknown): boolean {
  return hasCode(error, "ENOSPC") || hasCode(error, "EDQUOT");
}

/** Moves a whole file to its name, which must be free and truly inside the folder. */
async function place(partial: string, wanted: LocalName, context: Missing): Promise<void> {
  const { file } = wanted;
  const target = join(context.folder, wanted.name);
  await mkdir(dirname(target), { recursive: true });
  const parent = await realpath(dirname(target));
  if (parent !== context.folder && !parent.startsWith(context.folder + sep)) {
    throw new GpujobError(
      "download_failed",
      `${wanted.name} leads out of ${context.folder} by a link.`,
      {
        hint: "Choose another folder with --output.",
      },
    );
  }
  await chmod(partial, (file.mode & 0o111) === 0 ? 0o644 : 0o755);
  const seconds = Math.max(0, file.mtimeMs / 1000);
  await utimes(partial, seconds, seconds);
  try {
    await link(partial, target);
  } catch (error) {
    if (hasCode(error, "EEXIST")) throw taken(target);
    // A file system without hard links.
    await copyFile(partial, target, constants.COPYFILE_EXCL);
  }
  await rm(partial, { force: true });
  context.placed.push(toPlaced(file, wanted.name));
}

function taken(target: string): GpujobError {
  return new GpujobError("download_failed", `${target} appeared while it was being fetched.`, {
    hint: "It was left as it is; ask again to fetch beside it.",
  });
}
