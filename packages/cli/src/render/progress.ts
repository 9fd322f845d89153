import { formatBytes } from "@gpujob/spec";
import type { RunEvent } from "@gpujob/sdk";
import { formatSeconds } from "./units.ts";

type Progress = Extract<RunEvent, { readonly type: "progress" }>;

/** One line on what takes time now, such as `upload  3.4 MiB of 12 MiB, 1.1 MiB/s, 3s`. */
export function renderProgress(event: Progress): string {
  const time = formatSeconds(event.elapsedMs);
  if (event.progress === null) return `${event.what}  ${time}`;
  const { doneBytes, totalBytes } = event.progress;
  const rate =
    event.elapsedMs >= 500
      ? `, ${formatBytes(Math.round((doneBytes / event.elapsedMs) * 1000))}/s`
      : "";
  return `${event.what}  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${rate}, ${time}`;
}
