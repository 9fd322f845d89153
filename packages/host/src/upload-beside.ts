import type { Execution } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { toRefusal } from "./link.ts";
import type { ManifestEntry } from "./manifest.ts";
import { readLines, write } from "./streams.ts";
import { archiveSize, renderArchiveList, sendArchive } from "./upload-archive.ts";
import type { Meter } from "./upload-meter.ts";
import type { Missing } from "./upload-missing.ts";
import { sendRanges } from "./upload-ranges.ts";

/** Starts a stream of archives (`receive`) or of ranges on the host, beside the conversation. */
export type StartStream = (
  action: "receive" | "ranges",
  wait: { readonly signal: AbortSignal },
) => Promise<Execution>;

/** Streams beside the conversation; one stream alone caps near 20 MiB/s at 80 ms round trip. */
const streams = 4;
/** From here on small files go over two streams. */
const twoStreamBytes = 32 << 20;

/** Sends over further channels: small files as one archive per stream, big ones as ranges from one queue. */
export async function sendBeside(
  missing: Missing,
  start: StartStream,
  meter: Meter,
  signal: AbortSignal,
): Promise<void> {
  const groups = splitEvenly(missing.small, archiveSize(missing.small) > twoStreamBytes ? 2 : 1);
  const queue = [...missing.ranges];
  const files = new Map(missing.big.map((entry) => [entry.file.sha256, entry.file]));
  const rangeStreams = queue.length === 0 ? 0 : Math.min(queue.length, streams - groups.length);
  const run = async (
    action: "receive" | "ranges",
    send: (say: (chunk: Uint8Array | string) => Promise<void>) => Promise<void>,
  ): Promise<void> => {
    const execution = await start(action, { signal });
    execution.stderr.resume();
    await send((chunk) => write(execution.stdin, chunk, { signal }));
    execution.stdin.end();
    for await (const line of readLines(execution.stdout)) {
      if (line === "done") return;
      const [kind, word = "", ...details] = line.split(" ");
      if (kind === "E") throw toRefusal(word, details.join(" "), "upload");
    }
    throw new PlatformError("unreachable", "A stream of the upload has ended early.", {
      scope: "host",
      operation: "upload",
    });
  };
  const results = await Promise.allSettled([
    ...groups.map((group) =>
      run("receive", (say) => sendArchive(renderArchiveList(group), group, say, meter)),
    ),
    ...Array.from({ length: rangeStreams }, () =>
      run("ranges", (say) => sendRanges(queue, files, say, meter)),
    ),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Groups of about the same size; none is empty. */
function splitEvenly(entries: readonly ManifestEntry[], count: number): ManifestEntry[][] {
  const groups = Array.from({ length: count }, () => ({
    bytes: 0,
    entries: [] as ManifestEntry[],
  }));
  for (const entry of entries) {
    const lightest = groups.reduce((left, right) => (right.bytes < left.bytes ? right : left));
    lightest.entries.push(entry);
    lightest.bytes += entry.file.bytes + 512;
  }
  return groups.map((group) => group.entries).filter((group) => group.length > 0);
}
