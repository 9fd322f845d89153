import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { LogChunk, LogOptions } from "./gpujob.ts";
import { logPath, runFolder } from "./run-files.ts";
import { offsetSince } from "./log-times.ts";

/** Read at once; also how much of one node's log comes before it is another's turn. */
const chunkBytes = 256 * 1024;
/** Between two looks at a log that another process writes, in milliseconds. */
const pollMs = 100;

export interface LogSource {
  readonly home: string;
  readonly runId: string;
  readonly clock: Clock;
  /** Is nothing more to come? Asked before the last look at the files. */
  readonly isOver: () => Promise<boolean>;
  /** Resolves when there may be more, at the latest when the signal fires. @default a poll */
  readonly wake?: (options: { readonly signal: AbortSignal }) => Promise<void>;
}

interface Position {
  readonly attempt: number;
  readonly node: number;
  readonly path: string;
  offset: number;
}

/** The logs of a run, byte for byte, from the files that its driver keeps; with `follow` until the run is over. */
export async function* readLogs(source: LogSource, options: LogOptions): AsyncGenerator<LogChunk> {
  const positions = new Map<string, Position>();
  for (;;) {
    const isOver = options.follow !== true || (await source.isOver());
    await findLogs(source, options, positions);
    for (;;) {
      let hasRead = false;
      for (const position of positions.values()) {
        options.signal.throwIfAborted();
        const bytes = await readSome(position);
        if (bytes.length === 0) continue;
        hasRead = true;
        yield { attempt: position.attempt, node: position.node, offset: position.offset, bytes };
        position.offset += bytes.length;
      }
      if (!hasRead) break;
    }
    if (isOver) return;
    await (source.wake?.(options) ?? source.clock.sleep(pollMs, options));
  }
}

/** Adds the logs that have come since the last look; the first look says where each begins. */
async function findLogs(
  source: LogSource,
  options: LogOptions,
  positions: Map<string, Position>,
): Promise<void> {
  const names = await readdir(join(runFolder(source.home, source.runId), "logs")).catch(() => []);
  const logs = names.flatMap((name) => {
    const match = /^(\d+)-(\d+)\.log$/.exec(name);
    return match === null ? [] : [{ attempt: Number(match[1]), node: Number(match[2]) }];
  });
  const newest = Math.max(0, ...logs.map((log) => log.attempt));
  const isFirstLook = positions.size === 0;
  const wanted = logs
    .filter(({ attempt, node }) => isWanted({ attempt, node }, newest, isFirstLook, options))
    .toSorted((a, b) => a.attempt - b.attempt || a.node - b.node);
  for (const { attempt, node } of wanted) {
    const key = `${attempt}-${node}`;
    if (positions.has(key)) continue;
    const path = logPath(source.home, source.runId, attempt, node);
    positions.set(key, { attempt, node, path, offset: await startOf(path, options, isFirstLook) });
  }
  if (
    isFirstLook &&
    wanted.length === 0 &&
    typeof options.attempt === "number" &&
    options.follow !== true
  ) {
    throw new GpujobError(
      "not_found",
      `${source.runId} has no log of attempt ${options.attempt}.`,
      {
        hint:
          newest === 0
            ? "No attempt has begun to write."
            : `The newest attempt with a log is ${newest}.`,
      },
    );
  }
  const nodes = [...new Set(logs.map(({ node }) => node))].toSorted((a, b) => a - b);
  if (isFirstLook && options.node !== undefined && options.follow !== true && nodes.length > 0) {
    if (nodes.includes(options.node)) return;
    throw new GpujobError("not_found", `${source.runId} has no log of node ${options.node}.`, {
      hint: `There are logs of node ${nodes.join(", ")}.`,
    });
  }
}

/** Who follows the newest attempt sees the ones that come after it as well. */
function isWanted(
  log: { readonly attempt: number; readonly node: number },
  newest: number,
  isFirstLook: boolean,
  options: LogOptions,
): boolean {
  if (options.node !== undefined && log.node !== options.node) return false;
  if (options.attempt === "all") return true;
  if (options.attempt !== undefined) return log.attempt === options.attempt;
  return isFirstLook ? log.attempt === newest : true;
}

async function startOf(path: string, options: LogOptions, isFirstLook: boolean): Promise<number> {
  if (!isFirstLook) return 0;
  if (options.since !== undefined) return offsetSince(path, options.since);
  return options.tail === undefined ? 0 : offsetOfTail(path, options.tail);
}

/** Where the last so many lines begin, looking back from the end. */
async function offsetOfTail(path: string, lines: number): Promise<number> {
  const { size } = await stat(path);
  const file = await open(path, "r");
  try {
    let found = 0;
    for (let end = size; end > 0;) {
      const start = Math.max(0, end - chunkBytes);
      const { buffer } = await file.read({ buffer: Buffer.alloc(end - start), position: start });
      for (let index = buffer.length - 1; index >= 0; index -= 1) {
        if (buffer[index] !== 10 || start + index === size - 1) continue;
        found += 1;
        if (found === lines) return start + index + 1;
      }
      end = start;
    }
    return lines === 0 ? size : 0;
  } finally {
    await file.close();
  }
}

async function readSome(position: Position): Promise<Uint8Array> {
  const file = await open(position.path, "r");
  try {
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.allocUnsafe(chunkBytes),
      position: position.offset,
    });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
