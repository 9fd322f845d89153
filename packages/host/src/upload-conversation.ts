import type { Clock, Execution, TransferProgress } from "@gpujob/spec";
import { GpujobError, PlatformError } from "@gpujob/spec";
import { startDeadline, toAborted, untilAborted } from "./deadline.ts";
import type { KnownTrees } from "./known-trees.ts";
import type { Manifest, ManifestEntry } from "./manifest.ts";
import { renderLines } from "./manifest.ts";
import { write } from "./streams.ts";
import type { Answer } from "./upload-answer.ts";
import { readAnswer } from "./upload-answer.ts";
import { archiveSize, renderArchiveList, sendArchive } from "./upload-archive.ts";
import type { Delta } from "./upload-base.ts";
import { chooseBase, listOutcome, readBases } from "./upload-base.ts";
import type { StartStream } from "./upload-beside.ts";
import { sendBeside } from "./upload-beside.ts";
import { createMeter, sumBytes } from "./upload-meter.ts";
import type { Missing } from "./upload-missing.ts";
import { findMissing } from "./upload-missing.ts";

/** The host's side of the conversation: its process, and what it says, line by line. */
export interface Dialogue {
  readonly execution: Execution;
  readonly lines: AsyncGenerator<string>;
}

/** What an upload needs from its session. */
export interface UploadContext {
  readonly startSync: (wait: { readonly signal: AbortSignal }) => Promise<Dialogue>;
  readonly startStream: StartStream;
  readonly known: KnownTrees;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** What one conversation has done. */
export interface Outcome {
  readonly sentBytes: number;
  readonly sentFiles: number;
  /** Contents that did not come whole, or that the host's store has lost. */
  readonly lost: ReadonlySet<string>;
  /** Somebody else took the base: all is to be said again. */
  readonly isStale: boolean;
}

/** Nothing moved for so long: the link is dead. Long, because the host hashes what came without a word. */
const stallMs = 5 * 60_000;
const buildMs = 30 * 60_000;
/** Up to here everything goes through the conversation itself: no further channel is worth its set-up. */
const inlineBytes = 4 << 20;
/** Up to here contents that the host may have under another name are sent without asking. */
const guessBytes = 1 << 20;

type Say = (chunk: Uint8Array | string) => Promise<void>;

/** Holds one conversation. `mayGuess`: send without asking what a known base lacks. */
export async function converse(
  wanted: Promise<Manifest>,
  context: UploadContext & { readonly mayGuess: boolean },
): Promise<Outcome> {
  const stop = new AbortController();
  const deadline = startDeadline(context.clock, stallMs, {
    signal: AbortSignal.any([context.signal, stop.signal]),
    operation: "upload",
  });
  const { signal } = deadline;
  let answers: AsyncGenerator<string> | undefined;
  try {
    const { execution, lines } = await untilAborted(context.startSync({ signal }), signal);
    execution.stderr.resume();
    answers = lines;
    const say: Say = (chunk) => write(execution.stdin, chunk, { signal });
    const ask = (): Promise<Answer> => untilAborted(readAnswer(lines), signal);
    const { bases } = await ask();
    const known = readBases(bases, context.known);
    const manifest = await untilAborted(wanted, signal);
    const delta = chooseBase(manifest, await known);
    const { missing, head } = await agree(manifest, delta, { ...context, say, ask });
    const meter = createMeter(manifest, missing, context.onProgress, deadline.restart);
    if (meter.totalBytes > 1 << 20) await say(`space ${meter.totalBytes * 2}\n`);
    if (fitsInline(missing)) {
      if (missing.small.length > 0) await sendArchive(head, missing.small, say, meter);
      else await say(head);
    } else await sendBeside(missing, context.startStream, meter, signal);
    const outcome = listOutcome(manifest, delta?.others ?? []);
    await say(renderEnd(manifest, missing, outcome.name));
    deadline.done();
    const build = startDeadline(context.clock, buildMs, {
      signal: context.signal,
      operation: "upload",
    });
    const finish = async (): Promise<Answer> => {
      const isNew = !bases.some(({ name }) => name === outcome.name);
      if (isNew) await context.known.keep(outcome.name, outcome.text);
      const report = await readAnswer(lines);
      execution.stdin.end();
      // Its process ends with that; left open, it would have to be ended.
      await execution.exit.catch(() => undefined);
      return report;
    };
    const report = await untilAborted(finish(), build.signal).finally(build.done);
    return {
      sentBytes: meter.sentBytes(),
      sentFiles: missing.small.length + missing.big.length,
      lost: new Set(report.lost),
      isStale: report.isStale,
    };
  } catch (error) {
    throw explain((await findRefusal(answers, error)) ?? error, context.signal, deadline.signal);
  } finally {
    deadline.done();
    stop.abort();
  }
}

interface Agreement {
  readonly missing: Missing;
  /** What is still to be said before an archive. */
  readonly head: Buffer;
}

/** Says what is wanted, and learns what is to be sent: of what a known base lacks, without a question. */
async function agree(
  manifest: Manifest,
  delta: Delta | undefined,
  {
    mayGuess,
    say,
    ask,
  }: { readonly mayGuess: boolean; readonly say: Say; readonly ask: () => Promise<Answer> },
): Promise<Agreement> {
  const begin = delta === undefined ? Buffer.alloc(0) : renderBase(delta);
  const wanted = delta?.need ?? manifest.entries;
  if (delta !== undefined && mayGuess) {
    const sent = wanted.filter((entry) => !delta.copied.has(entry));
    const missing = findMissing(sent, manifest.links, []);
    if (fitsInline(missing) && sumBytes(missing.small) <= guessBytes) {
      const need = frame("need", renderLines(wanted));
      // The list of the archive, where it is another one.
      const isAll = missing.small.length === wanted.length && manifest.links.length === 0;
      const list = isAll ? [] : [renderArchiveList(missing.small)];
      return { missing, head: Buffer.concat([begin, need, ...list]) };
    }
  }
  await say(Buffer.concat([begin, frame("want", renderLines(wanted))]));
  const answer = await ask();
  const isLacking = ({ file }: ManifestEntry): boolean => answer.hashes.has(file.sha256);
  const missing = findMissing(wanted.filter(isLacking), manifest.links, answer.ranges);
  return { missing, head: renderArchiveList(missing.small) };
}

function fitsInline(missing: Missing): boolean {
  return missing.big.length === 0 && archiveSize(missing.small) <= inlineBytes;
}

function frame(word: string, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${word} ${content.length}\n`), content]);
}

function renderBase({ base, gone }: Delta): Buffer {
  const begin = Buffer.from(`base ${base.id}\n`);
  if (gone.length === 0) return begin;
  return Buffer.concat([
    begin,
    frame("gone", Buffer.from(gone.map((path) => `${path}\n`).join(""))),
  ]);
}

function renderEnd(manifest: Manifest, missing: Missing, name: string): Buffer {
  const bigs = missing.big.map(
    ({ line, file, path }) => `big ${line.slice(65, 69)} ${file.sha256} ${path}\n`,
  );
  return Buffer.concat([
    Buffer.from(bigs.join("")),
    ...(manifest.links.length === 0 ? [] : [frame("links", renderLines(manifest.links))]),
    ...(manifest.place === "" ? [] : [frame("place", Buffer.from(manifest.place))]),
    Buffer.from(`name ${name}\nbuild\n`),
  ]);
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
