import type { LogChunk } from "@gpujob/sdk";

interface Waiting {
  readonly attempt: number;
  readonly node: number;
  /** Byte offset of the first waiting byte. */
  offset: number;
  bytes: Buffer;
}

/** Cuts log chunks into lines and writes each as one JSON object: attempt, node, offset, line. */
export function createJsonLines(write: (line: string) => Promise<void>): {
  readonly write: (chunk: LogChunk) => Promise<void>;
  /** Writes the last lines that have no end. */
  readonly end: () => Promise<void>;
} {
  const waiting = new Map<string, Waiting>();
  const writeOne = (from: Waiting, bytes: Buffer): Promise<void> => {
    const { attempt, node, offset } = from;
    const line = bytes.toString("utf8").replace(/\r?\n$/, "");
    return write(`${JSON.stringify({ attempt, node, offset, line })}\n`);
  };
  return {
    write: async ({ attempt, node, offset, bytes }) => {
      const key = `${attempt}/${node}`;
      const entry = waiting.get(key) ?? { attempt, node, offset, bytes: Buffer.alloc(0) };
      waiting.set(key, entry);
      entry.bytes = Buffer.concat([entry.bytes, bytes]);
      for (;;) {
        const end = entry.bytes.indexOf(10) + 1;
        if (end === 0) return;
        await writeOne(entry, entry.bytes.subarray(0, end));
        entry.offset += end;
        entry.bytes = entry.bytes.subarray(end);
      }
    },
    end: async () => {
      for (const entry of waiting.values()) {
        if (entry.bytes.length > 0) await writeOne(entry, entry.bytes);
      }
      waiting.clear();
    },
  };
}
