import type { TransferProgress } from "@gpujob/spec";
import type { Manifest, ManifestEntry } from "./manifest.ts";
import type { Missing } from "./upload-missing.ts";

/** Counts what has been sent, for progress and the report. */
export interface Meter {
  readonly totalBytes: number;
  readonly sentBytes: () => number;
  readonly add: (bytes: number) => void;
  readonly addFile: () => void;
}

/** A meter for what is missing. `onMove` is told now and then that bytes move. */
export function createMeter(
  manifest: Manifest,
  missing: Missing,
  onProgress: ((progress: TransferProgress) => void) | undefined,
  onMove: () => void,
): Meter {
  const totalBytes = sumBytes(manifest.entries);
  const rangeBytes = missing.ranges.reduce((total, range) => total + range.end - range.start, 0);
  const toSend = sumBytes(missing.small) + rangeBytes;
  let sentBytes = 0;
  let sentFiles = 0;
  let lastMove = 0;
  const totalFiles = manifest.entries.length + manifest.links.length;
  const knownFiles = totalFiles - missing.small.length - missing.big.length;
  const report = (): void => {
    onProgress?.({
      doneBytes: totalBytes - toSend + sentBytes,
      totalBytes,
      doneFiles: knownFiles + sentFiles,
      totalFiles,
    });
  };
  report();
  return {
    totalBytes: toSend,
    sentBytes: () => sentBytes,
    add(bytes) {
      sentBytes += bytes;
      if (sentBytes - lastMove >= 1 << 20 || sentBytes === toSend) {
        lastMove = sentBytes;
        onMove();
        report();
      }
    },
    addFile() {
      sentFiles++;
      if (sentFiles % 64 === 0) onMove();
    },
  };
}

/** Bytes of all contents. */
export function sumBytes(entries: readonly ManifestEntry[]): number {
  return entries.reduce((total, entry) => total + entry.file.bytes, 0);
}
