import type { LogChunk } from "@gpujob/sdk";
import type { Output } from "../output.ts";

/** Where a job's log goes. */
export interface LogWriter {
  write(chunk: Pick<LogChunk, "node" | "bytes">): Promise<void>;
  /** Writes what waits for the end of its line. */
  end(): Promise<void>;
}

/**
 * A job's log on `output`: as it is in a pipe, with control sequences neutralised on a terminal. With several nodes each
 * line begins with its node, so whole lines only.
 */
export function createLogWriter(options: {
  readonly output: Output;
  readonly write: (bytes: Uint8Array | string) => Promise<void>;
  readonly createFilter: () => (bytes: Uint8Array) => Uint8Array | string;
  readonly hasManyNodes: boolean;
}): LogWriter {
  const { output, write, createFilter, hasManyNodes } = options;
  const filters = new Map<number, (bytes: Uint8Array) => Uint8Array | string>();
  const waiting = new Map<number, Buffer>();
  const filtered = (node: number, bytes: Uint8Array): Uint8Array | string => {
    if (!output.isTerminal) return bytes;
    const filter = filters.get(node) ?? createFilter();
    filters.set(node, filter);
    return filter(bytes);
  };
  const writeLines = async (node: number, lines: Buffer): Promise<void> => {
    const prefix = Buffer.from(`[${node}] `);
    const parts: Buffer[] = [];
    let start = 0;
    while (start < lines.length) {
      const end = lines.indexOf(10, start) + 1 || lines.length;
      parts.push(prefix, lines.subarray(start, end));
      start = end;
    }
    await write(Buffer.concat(parts));
  };
  return {
    write: async ({ node, bytes }) => {
      const shown = filtered(node, bytes);
      if (!hasManyNodes) return write(shown);
      const all = Buffer.concat([waiting.get(node) ?? Buffer.alloc(0), Buffer.from(shown)]);
      const end = all.lastIndexOf(10) + 1;
      waiting.set(node, all.subarray(end));
      if (end > 0) await writeLines(node, all.subarray(0, end));
    },
    end: async () => {
      for (const [node, rest] of waiting) {
        if (rest.length > 0) await writeLines(node, Buffer.concat([rest, Buffer.from("\n")]));
      }
      waiting.clear();
    },
  };
}
