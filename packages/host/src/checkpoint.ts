import type {
  Clock,
  HostAttempt,
  HostFile,
  HostListing,
  HostSession,
  SkippedFile,
} from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { ContentStore } from "./content-store.ts";
import { escapeGlob } from "./list-files.ts";

/** A checkpoint that is wholly on this side. Plain data, to be kept in the journal. */
export interface Checkpoint {
  /** Relative to the work folder. */
  readonly path: string;
  /** Paths are relative to the work folder. */
  readonly files: readonly HostFile[];
  readonly bytes: number;
  /** Epoch milliseconds of the listing that showed it at rest. */
  readonly takenAtMs: number;
}

export interface CheckpointResult {
  /** Absent: there was nothing at rest. The previous one stays good then. */
  readonly checkpoint?: Checkpoint;
  /** Is it the same, byte for byte, as the previous one? */
  readonly isUnchanged: boolean;
  /** What never rested or could not be fetched. */
  readonly leftOut: readonly SkippedFile[];
  readonly receivedBytes: number;
}

export interface CheckpointOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly previous?: Checkpoint;
  /** The job has stopped: one listing is enough. */
  readonly isStopped?: boolean;
}

const restMs = 2000;
/** How often a file that is still being written is looked at again. */
const looks = 3;

/** How often the files that never rest are copied, in the hope that they stay the same for as long as that takes. */
const copies = 3;

/**
 * Brings what the job saved under `path` into the store. A file counts when two looks at least two seconds apart agree
 * on its hash. What is written more often is copied between two looks that agree; what changes even then is left out
 * and named, and holds nothing up.
 */
export async function takeCheckpoint(
  session: HostSession,
  attempt: HostAttempt,
  path: string,
  store: ContentStore,
  options: CheckpointOptions,
): Promise<CheckpointResult> {
  const { clock, signal } = options;
  const list = (): Promise<HostListing> =>
    session.list(attempt, { globs: [escapeGlob(path)] }, { signal });
  let listing = await list();
  let resting = new Map(options.isStopped === true ? byPath(listing) : []);
  for (let look = 1; options.isStopped !== true && look < looks; look++) {
    if (look > 1 && resting.size === listing.files.length) break;
    await clock.sleep(restMs, { signal });
    const before = byPath(listing);
    listing = await list();
    resting = new Map(
      listing.files
        .filter((file) => before.get(file.path)?.sha256 === file.sha256)
        .map((file) => [file.path, file]),
    );
  }
  const takenAtMs = clock.now();
  const moving = listing.files.filter((file) => !resting.has(file.path));
  const fetched = await fetchFiles(session, attempt, [...resting.values()], store, signal);
  const caught =
    moving.length === 0
      ? nothing
      : await catchMoving({ path, list, resting, clock, signal }, (files) =>
          fetchFiles(session, attempt, files, store, signal),
        );
  const leftOut = [...listing.skipped, ...fetched.leftOut, ...caught.leftOut];
  return {
    ...conclude(path, [...fetched.files, ...caught.files], takenAtMs, options.previous),
    leftOut,
    receivedBytes: fetched.receivedBytes + caught.receivedBytes,
  };
}

interface Fetched {
  readonly files: readonly HostFile[];
  readonly leftOut: readonly SkippedFile[];
  readonly receivedBytes: number;
}

const nothing: Fetched = { files: [], leftOut: [], receivedBytes: 0 };

/**
 * Copies files that do not rest for two seconds: a copy counts when all of them are after it as they were before. When
 * that does not come true, every entry of the folder counts of which all files stayed the same.
 */
async function catchMoving(
  folder: {
    readonly path: string;
    readonly list: () => Promise<HostListing>;
    readonly resting: ReadonlyMap<string, HostFile>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
  fetch: (files: readonly HostFile[]) => Promise<Fetched>,
): Promise<Fetched> {
  let receivedBytes = 0;
  for (let copy = 1; ; copy++) {
    const wanted = (await folder.list()).files.filter(({ path }) => !folder.resting.has(path));
    const fetched = await fetch(wanted);
    receivedBytes += fetched.receivedBytes;
    const after = byPath(await folder.list());
    const same = fetched.files.filter((file) => after.get(file.path)?.sha256 === file.sha256);
    if (same.length === wanted.length) return { files: same, leftOut: [], receivedBytes };
    if (copy < copies) {
      await folder.clock.sleep(betweenCopiesMs, { signal: folder.signal });
      continue;
    }
    const kept = new Set(same.map(({ path }) => path));
    const entryOf = (path: string): string => firstPart(path, folder.path);
    const spoilt = new Set(wanted.flatMap(({ path }) => (kept.has(path) ? [] : [entryOf(path)])));
    return {
      files: same.filter(({ path }) => !spoilt.has(entryOf(path))),
      leftOut: wanted
        .filter(({ path }) => spoilt.has(entryOf(path)))
        .map(({ path }) => ({ path, reason: "it is written anew before it can be copied" })),
      receivedBytes,
    };
  }
}

const betweenCopiesMs = 250;

/** The entry of the checkpoint folder that a file belongs to: itself, or the folder of one step. */
function firstPart(path: string, folder: string): string {
  return path.slice(folder.length + 1).split("/", 1)[0] ?? path;
}

function byPath(listing: HostListing): Map<string, HostFile> {
  return new Map(listing.files.map((file) => [file.path, file]));
}

function conclude(
  path: string,
  files: readonly HostFile[],
  takenAtMs: number,
  previous: Checkpoint | undefined,
): Pick<CheckpointResult, "checkpoint" | "isUnchanged"> {
  // A bad one never replaces a good one.
  if (files.length === 0) return { isUnchanged: false };
  const known = new Map(previous?.files.map((file) => [file.path, file.sha256]));
  const isUnchanged =
    known.size === files.length && files.every((file) => known.get(file.path) === file.sha256);
  const bytes = files.reduce((total, file) => total + file.bytes, 0);
  return { checkpoint: { path, files, bytes, takenAtMs }, isUnchanged };
}

async function fetchFiles(
  session: HostSession,
  attempt: HostAttempt,
  files: readonly HostFile[],
  store: ContentStore,
  signal: AbortSignal,
): Promise<Fetched> {
  const result: HostFile[] = [];
  const leftOut: SkippedFile[] = [];
  let receivedBytes = 0;
  for (const file of files) {
    try {
      const read = (offset: number): AsyncIterable<Uint8Array> =>
        session.read(attempt, file, { signal, offset, from: "work" });
      receivedBytes += (await store.put(file, read, { signal })).receivedBytes;
      result.push(file);
    } catch (error) {
      const isChanged =
        GpujobError.is(error) && (error.kind === "download_failed" || error.kind === "not_found");
      if (!isChanged) throw error;
      leftOut.push({ path: file.path, reason: "it changed while it was fetched" });
    }
  }
  return { files: result, leftOut, receivedBytes };
}
