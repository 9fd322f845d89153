import type { ManifestEntry } from "./manifest.ts";
import { sumBytes } from "./upload-meter.ts";
import type { FileRange } from "./upload-ranges.ts";
import { planRanges, uncovered } from "./upload-ranges.ts";

/** What is to be sent: small files in archives, big ones in ranges. */
export interface Missing {
  readonly small: readonly ManifestEntry[];
  readonly big: readonly ManifestEntry[];
  readonly ranges: readonly FileRange[];
}

/** Up to here a content that several files have is sent for each of them: a copy on the host costs more. */
const sharedBytes = 64 << 10;

/** Parts what the host lacks, without the ranges of big files that it has already. Links are always sent. */
export function findMissing(
  lacking: readonly ManifestEntry[],
  links: readonly ManifestEntry[],
  covered: readonly FileRange[],
): Missing {
  const seen = new Set<string>();
  const missing = lacking.filter(({ file }) => {
    if (file.bytes <= sharedBytes) return true;
    const isNew = !seen.has(file.sha256);
    seen.add(file.sha256);
    return isNew;
  });
  // A broken link may cost one file per stream: what is more than a hundredth of the whole goes in ranges instead.
  const bigFrom = Math.max(256 << 10, sumBytes(missing) / 100);
  const isBig = ({ file }: ManifestEntry): boolean =>
    file.openRange !== undefined && file.bytes > bigFrom;
  const big = missing.filter(isBig);
  const rangeBytes = Math.min(
    16 << 20,
    Math.max(64 << 10, Math.ceil(sumBytes(big) / 128 / 65_536) * 65_536),
  );
  return {
    small: [...missing.filter((entry) => !isBig(entry)), ...links],
    big,
    ranges: big.flatMap(({ file }) =>
      planRanges(
        uncovered(
          file.bytes,
          covered.filter((range) => range.hash === file.sha256),
        ),
        file.sha256,
        rangeBytes,
      ),
    ),
  };
}
