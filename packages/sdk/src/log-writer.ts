import { mkdir, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { createLogTimes } from "./log-times.ts";

/** Open at once; a driver of many quiet jobs must not run out of descriptors. */
const mostOpen = 64;

/** Appends to log files by offset, so that bytes that come twice are written once. */
export interface LogWriter {
  /** Bytes that are there; the durable offset. */
  readonly size: (path: string) => Promise<number>;
  /** Throws when bytes before the offset are missing: a gap is never written. */
  readonly append: (path: string, bytes: Uint8Array, offset: number, now: number) => Promise<void>;
  /** Closes every file; what is asked for afterwards opens its file again. */
  readonly close: () => Promise<void>;
}

interface OpenLog {
  readonly file: FileHandle;
  size: number;
}

export function createLogWriter(): LogWriter {
  const logs = new Map<string, Promise<OpenLog>>();
  const noteTime = createLogTimes();

  async function openLog(path: string): Promise<OpenLog> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "a", 0o600);
    return { file, size: (await file.stat()).size };
  }

  async function close(path: string): Promise<void> {
    const log = logs.get(path);
    logs.delete(path);
    await (await log?.catch(() => undefined))?.file.close();
  }

  async function find(path: string): Promise<OpenLog> {
    const known = logs.get(path);
    if (known !== undefined) return known;
    const [oldest] = logs.keys();
    if (oldest !== undefined && logs.size >= mostOpen) await close(oldest);
    const log = openLog(path);
    logs.set(path, log);
    log.catch(() => logs.delete(path));
    return log;
  }

  return {
    async size(path) {
      // Looked at afresh: another driver may have written meanwhile.
      await close(path);
      return (await find(path)).size;
    },
    async append(path, bytes, offset, now) {
      const log = await find(path);
      if (log.size < offset) throw new Error(`${path} ends at ${log.size}, before ${offset}.`);
      const rest = bytes.subarray(log.size - offset);
      if (rest.length === 0) return;
      try {
        await log.file.writeFile(rest);
      } catch (error) {
        // Part of it may be written, as on a full disk: the size is read again before anything more.
        await close(path);
        throw error;
      }
      log.size += rest.length;
      await noteTime(path, log.size - rest.length, now);
    },
    async close() {
      await Promise.all([...logs.keys()].map(close));
    },
  };
}
