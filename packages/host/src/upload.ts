import type {
  Clock,
  Execution,
  HostFile,
  TransferProgress,
  UploadFile,
  UploadReport,
} from "@gpujob/spec";
import { GpujobError, PlatformError } from "@gpujob/spec";
import { startDeadline, toAborted, untilAborted } from "./deadline.ts";
import { toRefusal } from "./link.ts";
import type { Manifest, ManifestEntry } from "./manifest.ts";
import { createManifest, renderWanted } from "./manifest.ts";
import { readLines, write } from "./streams.ts";
import type { FileRange } from "./upload-ranges.ts";
import { planRanges, sendRanges, uncovered } from "./upload-ranges.ts";
import { archiveSize, sendArchive } from "./upload-archive.ts";

/** Starts the host's side of an upload: the conversation, or a stream of archives or ranges beside it. */
export type StartUpload = (
  action: "sync" | "receive" | "ranges",
  wait: { readonly signal: AbortSignal },
) => Promise<Execution>;

/** Nothing moved for so long: the link is dead. Long, because the host hashes what came without a word. */
const stallMs = 5 * 60_000;
const buildMs = 30 * 60_000;
/** Streams beside the conversation; one stream alone caps near 20 MiB/s at 80 ms round trip. */
const streams = 4;
/** Up to here everything goes through the conversation itself: no further channel is worth its set-up. */
const inlineBytes = 4 << 20;

/** Up to so many files, asking first costs more than sending all lines. */
const smallTree = 300;

interface UploadContext {
  readonly start: StartUpload;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** Brings files into the work folder, sending only what the host lacks. */
export async function uploadFiles(
  files: readonly UploadFile[],
  into: string,
  context: UploadContext,
): Promise<UploadReport> {
  let wanted = files;
  let sent = { sentBytes: 0, sentFiles: 0 };
  const changed: HostFile[] = [];
  for (let round = 0; round < 5; round++) {
    const manifest = createManifest(wanted, into);
    const result = await converse(manifest, context);
    sent = {
      sentBytes: sent.sentBytes + result.sentBytes,
      sentFiles: sent.sentFiles + result.sentFiles,
    };
    if (result.lost.size === 0) {
      return {
        ...sent,
        totalBytes: sum(manifest.entries),
        totalFiles: manifest.entries.length,
        ...(changed.length === 0 ? {} : { changed }),
      };
    }
    wanted = await rereadLost(wanted, result.lost, changed);
  }
  throw new GpujobError("host_disk_full", "Some files did not arrive whole in five tries.", {
    operation: "upload",
    hint: "Look for a full disk on the machine, or files that change all the time.",
  });
}

/** Files that changed while they were sent are looked at again; those that are gone are left out. */
async function rereadLost(
  files: readonly UploadFile[],
  lost: ReadonlySet<string>,
  changed: HostFile[],
): Promise<UploadFile[]> {
  const result: UploadFile[] = [];
  for (const file of files) {
    const fresh = lost.has(file.sha256) && file.reread !== undefined ? await file.reread() : file;
    if (fresh === undefined) continue;
    if (fresh.sha256 !== file.sha256) {
      const { path, bytes, mode, mtimeMs, sha256 } = fresh;
      changed.push({ path, bytes, mode, mtimeMs, sha256 });
    }
    result.push(fresh);
  }
  return result;
}

interface Missing {
  readonly small: readonly ManifestEntry[];
  readonly big: readonly ManifestEntry[];
  readonly ranges: readonly FileRange[];
}

async function converse(
  manifest: Manifest,
  context: UploadContext,
): Promise<{ sentBytes: number; sentFiles: number; lost: ReadonlySet<string> }> {
  const stop = new AbortController();
  const deadline = startDeadline(context.clock, stallMs, {
    signal: AbortSignal.any([context.signal, stop.signal]),
    operation: "upload",
  });
  const { signal } = deadline;
  let answers: AsyncGenerator<string> | undefined;
  try {
    const main = await context.start("sync", { signal });
    main.stderr.resume();
    const lines = readLines(main.stdout);
    answers = lines;
    const say = (chunk: Uint8Array | string): Promise<void> => write(main.stdin, chunk, { signal });
    const wanted = await askForBuckets(manifest, say, () =>
      untilAborted(readAnswer(lines), signal),
    );
    await say(`want ${wanted.length}\n`);
    await say(wanted);
    const answer = await untilAborted(readAnswer(lines), signal);
    const missing = findMissing(manifest, answer);
    const meter = createMeter(manifest, missing, context.onProgress, deadline.restart);
    if (meter.totalBytes > 1 << 20) await say(`space ${meter.totalBytes * 2}\n`);
    if (archiveSize(missing.small) <= inlineBytes && missing.big.length === 0) {
      if (missing.small.length > 0) await sendArchive(missing.small, say, meter);
    } else {
      await sendBeside(missing, context.start, meter, signal);
    }
    for (const entry of missing.big)
      await say(`big ${entry.line.slice(65, 69)} ${entry.file.sha256} ${entry.path}\n`);
    if (manifest.place !== "") {
      const place = Buffer.from(manifest.place);
      await say(`place ${place.length}\n`);
      await say(place);
    }
    await say("build\n");
    deadline.done();
    const build = startDeadline(context.clock, buildMs, {
      signal: context.signal,
      operation: "upload",
    });
    const report = await untilAborted(readAnswer(lines), build.signal).finally(build.done);
    main.stdin.end();
    return {
      sentBytes: meter.sentBytes(),
      sentFiles: missing.small.length + missing.big.length,
      lost: new Set(report.lost),
    };
  } catch (error) {
    throw explain((await findRefusal(answers, error)) ?? error, context.signal, deadline.signal);
  } finally {
    deadline.done();
    stop.abort();
  }
}

/** A host that refuses closes its side first: what it said stands behind the broken pipe. */
async function findRefusal(
  lines: AsyncGenerator<string> | undefined,
  error: unknown,
): Promise<unknown> {
  if (lines === undefined || !PlatformError.is(error) || error.kind !== "unreachable")
    return undefined;
  try {
    await untilAborted(readAnswer(lines), AbortSignal.timeout(1000));
  } catch (refusal) {
    return GpujobError.is(refusal) && refusal.kind !== "aborted" ? refusal : undefined;
  }
  return undefined;
}

function explain(error: unknown, signal: AbortSignal, deadline: AbortSignal): unknown {
  if (signal.aborted) return toAborted(signal);
  if (GpujobError.is(error)) return error;
  if (deadline.aborted) return toAborted(deadline);
  return new PlatformError(
    "unreachable",
    "The link broke during the upload; it can go on from there.",
    {
      scope: "host",
      operation: "upload",
      cause: error,
    },
  );
}

/** The lines that the host must see: of a large tree only those of buckets that differ. */
async function askForBuckets(
  manifest: Manifest,
  say: (chunk: Uint8Array | string) => Promise<void>,
  answer: () => Promise<Answer>,
): Promise<Buffer> {
  if (manifest.entries.length <= smallTree) return renderWanted(manifest, "all");
  await say(`buckets ${manifest.digests.length}\n`);
  await say(manifest.digests);
  const { isAll, hashes } = await answer();
  return renderWanted(manifest, isAll ? "all" : hashes);
}

interface Answer {
  readonly isAll: boolean;
  readonly hashes: ReadonlySet<string>;
  readonly ranges: readonly FileRange[];
  readonly lost: readonly string[];
}

/** Lines up to a single dot. */
async function readAnswer(lines: AsyncGenerator<string>): Promise<Answer> {
  const hashes = new Set<string>();
  const ranges: FileRange[] = [];
  const lost: string[] = [];
  let isAll = false;
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) {
      throw new PlatformError("unreachable", "The upload's other side has ended.", {
        scope: "host",
        operation: "upload",
      });
    }
    const [word = "", first = "", second = "", third = ""] = value.split(" ");
    if (word === ".") return { isAll, hashes, ranges, lost };
    if (word === "E") throw toRefusal(first, `${second} ${third}`.trim(), "upload");
    if (word === "all") isAll = true;
    else if (word === "lost") lost.push(first);
    else if (word === "r")
      ranges.push({ hash: first, start: Number(second), end: Number(second) + Number(third) });
    else hashes.add(word);
  }
}

/** Parts what the host lacks: one file per hash, and those large beside the whole as ranges. */
function findMissing(manifest: Manifest, answer: Answer): Missing {
  const byHash = new Map<string, ManifestEntry>();
  for (const entry of manifest.entries) {
    if (answer.hashes.has(entry.file.sha256)) byHash.set(entry.file.sha256, entry);
  }
  const missing = [...byHash.values()];
  // A broken link may cost one file per stream: what is more than a hundredth of the whole goes in ranges instead.
  const bigFrom = Math.max(256 << 10, sum(missing) / 100);
  const isBig = (entry: ManifestEntry): boolean =>
    entry.file.link === undefined &&
    entry.file.openRange !== undefined &&
    entry.file.bytes > bigFrom;
  const big = missing.filter(isBig);
  const rangeBytes = Math.min(
    16 << 20,
    Math.max(64 << 10, Math.ceil(sum(big) / 128 / 65_536) * 65_536),
  );
  return {
    small: missing.filter((entry) => !isBig(entry)),
    big,
    ranges: big.flatMap((entry) =>
      planRanges(
        uncovered(
          entry.file.bytes,
          answer.ranges.filter((range) => range.hash === entry.file.sha256),
        ),
        entry.file.sha256,
        rangeBytes,
      ),
    ),
  };
}

/** Counts what has been sent, for progress and the report. */
export interface Meter {
  readonly totalBytes: number;
  readonly sentBytes: () => number;
  readonly add: (bytes: number) => void;
  readonly addFile: () => void;
}

function createMeter(
  manifest: Manifest,
  missing: Missing,
  onProgress: UploadContext["onProgress"],
  onMove: () => void,
): Meter {
  const totalBytes = sum(manifest.entries);
  const rangeBytes = missing.ranges.reduce((total, range) => total + range.end - range.start, 0);
  const toSend = sum(missing.small) + rangeBytes;
  let sentBytes = 0;
  let sentFiles = 0;
  let lastMove = 0;
  const totalFiles = manifest.entries.length;
  const knownFiles = totalFiles - missing.small.length - missing.big.length;
  const report = (): void => {
    onProgress?.({
      doneBytes: totalBytes - toSend + sentBytes,
      totalBytes,
      doneFiles: knownFiles + sentFiles,
      totalFiles,
    });
  };
  report();
  return {
    totalBytes: toSend,
    sentBytes: () => sentBytes,
    add(bytes) {
      sentBytes += bytes;
      if (sentBytes - lastMove >= 1 << 20 || sentBytes === toSend) {
        lastMove = sentBytes;
        onMove();
        report();
      }
    },
    addFile() {
      sentFiles++;
      onMove();
    },
  };
}

/** Sends over further channels: small files as one archive per stream, big ones as ranges from one queue. */
async function sendBeside(
  missing: Missing,
  start: StartUpload,
  meter: Meter,
  signal: AbortSignal,
): Promise<void> {
  const groups = splitEvenly(missing.small, archiveSize(missing.small) > 8 * inlineBytes ? 2 : 1);
  const queue = [...missing.ranges];
  const files = new Map(missing.big.map((entry) => [entry.file.sha256, entry.file]));
  const rangeStreams = queue.length === 0 ? 0 : Math.min(queue.length, streams - groups.length);
  const run = async (
    action: "receive" | "ranges",
    send: (say: (chunk: Uint8Array | string) => Promise<void>) => Promise<void>,
  ): Promise<void> => {
    const execution = await start(action, { signal });
    execution.stderr.resume();
    await send((chunk) => write(execution.stdin, chunk, { signal }));
    execution.stdin.end();
    for await (const line of readLines(execution.stdout)) {
      if (line === "done") return;
      const [kind, word = "", ...details] = line.split(" ");
      if (kind === "E") throw toRefusal(word, details.join(" "), "upload");
    }
    throw new PlatformError("unreachable", "A stream of the upload has ended early.", {
      scope: "host",
      operation: "upload",
    });
  };
  const results = await Promise.allSettled([
    ...groups.map((group) => run("receive", (say) => sendArchive(group, say, meter))),
    ...Array.from({ length: rangeStreams }, () =>
      run("ranges", (say) => sendRanges(queue, files, say, meter)),
    ),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Groups of about the same size; none is empty. */
function splitEvenly(entries: readonly ManifestEntry[], count: number): ManifestEntry[][] {
  const groups = Array.from({ length: count }, () => ({
    bytes: 0,
    entries: [] as ManifestEntry[],
  }));
  for (const entry of entries) {
    const lightest = groups.reduce((left, right) => (right.bytes < left.bytes ? right : left));
    lightest.entries.push(entry);
    lightest.bytes += entry.file.bytes + 512;
  }
  return groups.map((group) => group.entries).filter((group) => group.length > 0);
}

function sum(entries: readonly ManifestEntry[]): number {
  return entries.reduce((total, entry) => total + entry.file.bytes, 0);
}
