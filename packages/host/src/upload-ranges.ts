import type { UploadFile } from "@gpujob/spec";
import { toBuffer } from "./streams.ts";
import type { Meter } from "./upload-meter.ts";

/** Bytes `start` up to and without `end` of the file with this hash. */
export interface FileRange {
  readonly hash: string;
  readonly start: number;
  readonly end: number;
}

/** The parts of a file that no earlier range covers. */
export function uncovered(
  bytes: number,
  covered: readonly { readonly start: number; readonly end: number }[],
): { start: number; end: number }[] {
  const gaps: { start: number; end: number }[] = [];
  let at = 0;
  for (const range of covered.toSorted((left, right) => left.start - right.start)) {
    if (range.start > at) gaps.push({ start: at, end: range.start });
    at = Math.max(at, range.end);
  }
  if (at < bytes) gaps.push({ start: at, end: bytes });
  return gaps;
}

/** Cuts gaps into ranges that begin at multiples of 64 KiB, which is how the host places them. */
export function planRanges(
  gaps: readonly { readonly start: number; readonly end: number }[],
  hash: string,
  rangeBytes: number,
): FileRange[] {
  return gaps.flatMap((gap) => {
    const ranges: FileRange[] = [];
    for (let start = gap.start; start < gap.end; start += rangeBytes) {
      ranges.push({ hash, start, end: Math.min(gap.end, start + rangeBytes) });
    }
    return ranges;
  });
}

/** Sends ranges from the shared queue until it is empty. A file that shrank is padded: its hash will not fit. */
export async function sendRanges(
  queue: FileRange[],
  files: ReadonlyMap<string, UploadFile>,
  say: (chunk: Uint8Array | string) => Promise<void>,
  meter: Meter,
): Promise<void> {
  for (let range = queue.shift(); range; range = queue.shift()) {
    await say(`${range.hash} ${range.start} ${range.end - range.start}\n`);
    let left = range.end - range.start;
    const content = files.get(range.hash)?.openRange?.(range.start, range.end) ?? [];
    for await (const chunk of untilItFails(content)) {
      const part = toBuffer(chunk).subarray(0, left);
      await say(part);
      left -= part.length;
      meter.add(part.length);
      if (left === 0) break;
    }
    for (; left > 0; left -= Math.min(left, 65_536))
      await say(Buffer.alloc(Math.min(left, 65_536)));
  }
}

/** Content as far as this side can read it; what is missing shows on the host, by the hash. */
export async function* untilItFails(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch {
    // The file is looked at again once the host has said that its hash did not come.
  }
}
