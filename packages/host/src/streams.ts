import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { PlatformError } from "@gpujob/spec";

/** All bytes of a stream, refusing more than `limit`: a machine must not fill our memory. */
export async function readAll(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = toBuffer(chunk);
    bytes += part.length;
    if (bytes > limit) {
      stream.destroy();
      throw new PlatformError("contract_violation", "The machine answered with too much data.", {
        scope: "host",
      });
    }
    chunks.push(part);
  }
  return Buffer.concat(chunks);
}

/** A chunk of a byte stream as a Buffer. */
export function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array)
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(String(chunk));
}

/** Writes one chunk and waits until the stream takes more. Rejects when it broke or the signal fired. */
export async function write(
  stream: Writable,
  chunk: Uint8Array | string,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  options.signal.throwIfAborted();
  if (stream.destroyed || stream.writableEnded) throw brokenPipe();
  if (stream.write(chunk)) return;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    await Promise.race([
      once(stream, "drain", { signal }),
      once(stream, "close", { signal }).then(() => {
        throw brokenPipe();
      }),
    ]);
  } finally {
    stop.abort();
  }
}

function brokenPipe(): PlatformError {
  return new PlatformError("unreachable", "The link to the machine broke while data was sent.", {
    scope: "host",
  });
}

/** Lines of a byte stream without their newline; a last line that has none is dropped. */
export async function* readLines(stream: Readable): AsyncGenerator<string> {
  let rest = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) {
    rest += String(chunk);
    if (rest.length > 1 << 20 && !rest.includes("\n")) {
      throw new PlatformError("contract_violation", "The machine sent a line without end.", {
        scope: "host",
      });
    }
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
