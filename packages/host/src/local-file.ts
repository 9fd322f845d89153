import { createHash, hash as hashNow } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { GpujobError } from "@gpujob/spec";

/** Up to here a file is read at once and at this place: a stream or a thread costs more than the reading. */
const smallBytes = 128 << 10;
const pieceBytes = 1 << 19;
/** Large, as each piece costs a buffer and a round of the streams; small enough that a slow link shows its progress. */
const rangePieceBytes = 1 << 20;

/** SHA-256 of a file of any size, in hexadecimal. `bytes`: its size, where that is known. */
export async function hashFile(
  path: string,
  { bytes, ...wait }: { readonly signal: AbortSignal; readonly bytes?: number },
): Promise<string> {
  if ((bytes ?? statSync(path).size) <= smallBytes)
    return hashNow("sha256", readFileSync(path), "hex");
  const file = await open(path);
  try {
    return await hashWhole(file, wait);
  } finally {
    await file.close();
  }
}

/** One piece is read while the one before is hashed. The two buffers stay: new ones would cost as much as the reading. */
async function hashWhole(
  file: FileHandle,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  const hash = createHash("sha256");
  let spare = Buffer.allocUnsafeSlow(pieceBytes);
  let reading = file.read(Buffer.allocUnsafeSlow(pieceBytes), 0, pieceBytes);
  for (;;) {
    const { buffer, bytesRead } = await reading;
    signal.throwIfAborted();
    if (bytesRead === 0) return hash.digest("hex");
    reading = file.read(spare, 0, pieceBytes);
    hash.update(buffer.subarray(0, bytesRead));
    spare = buffer;
  }
}

/** Bytes `start` up to and without `end` of a file. */
export async function* readRange(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  if (end > start)
    yield* createReadStream(path, { start, end: end - 1, highWaterMark: rangePieceBytes });
}

/** The content of a file, hashed on its way. Throws `internal` at the end when it is not what it should be. */
export async function* readVerified(
  path: string,
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
): AsyncGenerator<Buffer> {
  if (bytes <= smallBytes) {
    const content = readFileSync(path);
    yield content;
    if (hashNow("sha256", content, "hex") !== sha256) throw changed(path);
    return;
  }
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    // A stream without an encoding gives buffers.
    const part = Buffer.from(chunk);
    hash.update(part);
    yield part;
  }
  if (hash.digest("hex") !== sha256) throw changed(path);
}

function changed(path: string): GpujobError {
  return new GpujobError("internal", `${path} changed while it was read.`);
}

/** Is it an error of the operating system with this code, such as `ENOENT`? */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
