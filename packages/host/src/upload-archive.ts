import type { ManifestEntry } from "./manifest.ts";
import { renderLines } from "./manifest.ts";
import { toBuffer } from "./streams.ts";
import { tarEnd, tarEntrySize, tarHeader, tarPadded } from "./tar.ts";
import type { Meter } from "./upload-meter.ts";
import { untilItFails } from "./upload-ranges.ts";

type Say = (chunk: Uint8Array | string) => Promise<void>;

const batchBytes = 256 << 10;

/** Bytes of the archive that `sendArchive` makes of these. */
export function archiveSize(entries: readonly ManifestEntry[]): number {
  return entries.reduce((total, entry) => total + tarEntrySize(toTar(entry)), tarEnd().length);
}

/** The list of what comes in an archive. Links are not in it: it is of what can be verified. */
export function renderArchiveList(entries: readonly ManifestEntry[]): Buffer {
  const list = renderLines(entries.filter(({ file }) => file.link === undefined));
  return Buffer.concat([Buffer.from(`list ${list.length}\n`), list]);
}

/** Sends `head` and then an archive. Small files are put together: a write per file is slow. */
export async function sendArchive(
  head: Buffer,
  entries: readonly ManifestEntry[],
  say: Say,
  meter: Meter,
): Promise<void> {
  let batch: Uint8Array[] = [head, Buffer.from(`tar ${archiveSize(entries)}\n`)];
  let batched = head.length;
  const flush = async (): Promise<void> => {
    if (batched > 0) await say(Buffer.concat(batch));
    batch = [];
    batched = 0;
  };
  const add = async (chunk: Uint8Array): Promise<void> => {
    batch.push(chunk);
    batched += chunk.length;
    if (batched >= batchBytes) await flush();
  };
  for (const entry of entries) {
    await add(tarHeader(toTar(entry)));
    if (entry.file.link === undefined) await addContent(entry, add, meter);
    meter.addFile();
  }
  await add(tarEnd());
  await flush();
}

/** Exactly the listed bytes, whatever the file has become: the host sees by the hash that it changed. */
async function addContent(
  entry: ManifestEntry,
  add: (chunk: Uint8Array) => Promise<void>,
  meter: Meter,
): Promise<void> {
  let left = entry.file.bytes;
  const content = left > 0 ? entry.file.open() : [];
  for await (const chunk of untilItFails(content)) {
    const part = toBuffer(chunk).subarray(0, left);
    left -= part.length;
    meter.add(part.length);
    await add(part);
  }
  let padding = left + tarPadded(entry.file.bytes) - entry.file.bytes;
  for (; padding > 0; padding -= Math.min(padding, batchBytes)) {
    await add(Buffer.alloc(Math.min(padding, batchBytes)));
  }
}

function toTar(entry: ManifestEntry): Parameters<typeof tarHeader>[0] {
  const { bytes, mode, mtimeMs, link } = entry.file;
  return { path: entry.path, bytes, mode, mtimeMs, ...(link === undefined ? {} : { link }) };
}
