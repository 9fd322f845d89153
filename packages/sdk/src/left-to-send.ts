import type { Records } from "@gpujob/scheduler";
import type { HostFile } from "@gpujob/spec";

/** A file as far as its content counts. */
export type Content = Pick<HostFile, "sha256" | "bytes">;

/** For less it is not worth a look. */
const leastBytes = 2 ** 20;

/**
 * What of the files each machine lacks that keeps those of an earlier run, in bytes by `typeKey`. An estimate: only the
 * machine itself knows, and is asked when they are sent.
 */
export async function findLeftToSend(
  files: readonly Content[],
  records: Records,
  codeOf: (runId: string) => Promise<readonly Content[] | undefined>,
): Promise<Readonly<Record<string, number>>> {
  const total = sum(files);
  if (total < leastBytes) return {};
  const left: Record<string, number> = {};
  for (const [key, { leftBy }] of Object.entries(records.byType)) {
    const there = leftBy === undefined ? undefined : await codeOf(leftBy);
    if (there === undefined) continue;
    const known = new Set(there.map(({ sha256 }) => sha256));
    const lacking = sum(files.filter(({ sha256 }) => !known.has(sha256)));
    if (lacking < total) left[key] = lacking;
  }
  return left;
}

function sum(files: readonly Content[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0);
}
