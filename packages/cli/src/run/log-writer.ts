import type { LogChunk } from "@gpujob/sdk";
import { createTerminalFilter } from "@gpujob/spec";
import type { Output } from "../output.ts";

/** Where a job's log goes. */
export interface LogWriter {
  write(chunk: Pick<LogChunk, "node" | "bytes">): Promise<void>;
  /** Writes what waits for the end of its line or sequence. */
  end(): Promise<void>;
}

type Write = (content: Uint8Array | string) => Promise<void>;

/**
 * A job's log on `output`: byte for byte in a pipe, with control sequences neutralised on a terminal. With several nodes
 * each line begins with its node, so only whole lines are written.
 */
export function createLogWriter(options: {
  readonly output: Output;
  readonly write: Write;
  readonly hasManyNodes: boolean;
}): LogWriter {
  const { output, write, hasManyNodes } = options;
  const nodes = new Map<number, ReturnType<typeof createNodeWriter>>();
  return {
    write: ({ node, bytes }) => {
      const writer =
        nodes.get(node) ??
        createNodeWriter(hasManyNodes ? prefixLines(`[${node}] `, write) : plain(write), output);
      nodes.set(node, writer);
      return writer.write(bytes);
    },
    end: async () => {
      for (const writer of nodes.values()) await writer.end();
      nodes.clear();
    },
  };
}

interface Sink {
  readonly write: Write;
  readonly end: () => Promise<void>;
}

function createNodeWriter(
  sink: Sink,
  output: Output,
): { readonly write: (bytes: Uint8Array) => Promise<void>; readonly end: () => Promise<void> } {
  if (!output.isTerminal) return sink;
  const filter = createTerminalFilter();
  return {
    write: (bytes) => sink.write(filter.push(bytes)),
    end: async () => {
      await sink.write(filter.end());
      await sink.end();
    },
  };
}

function plain(write: Write): Sink {
  return { write, end: async () => undefined };
}

/** Keeps back the beginning of a line until its end is there. */
function prefixLines(prefix: string, write: Write): Sink {
  let waiting = Buffer.alloc(0);
  return {
    write: async (content) => {
      waiting = Buffer.concat([waiting, Buffer.from(content)]);
      const end = waiting.lastIndexOf(10) + 1;
      if (end === 0) return;
      const lines = waiting.subarray(0, end);
      waiting = waiting.subarray(end);
      await write(prefixEach(prefix, lines));
    },
    end: async () => {
      if (waiting.length > 0) await write(prefixEach(prefix, Buffer.concat([waiting, newline])));
      waiting = Buffer.alloc(0);
    },
  };
}

const newline = Buffer.from("\n");

function prefixEach(prefix: string, lines: Buffer): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  while (start < lines.length) {
    const end = lines.indexOf(10, start) + 1;
    parts.push(Buffer.from(prefix), lines.subarray(start, end));
    start = end;
  }
  return Buffer.concat(parts);
}
