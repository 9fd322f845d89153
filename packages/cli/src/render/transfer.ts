import { formatBytes } from "@gpujob/spec";
import type { FileTransferReport } from "@gpujob/sdk";
import { tame, wrap } from "./text.ts";
import type { View } from "./view.ts";

/** What `push` and `pull` did, and what they left out. */
export function renderTransfer(
  verb: "Sent" | "Fetched",
  report: FileTransferReport,
  view: View,
): readonly string[] {
  const files = report.files === 1 ? "1 file" : `${report.files} files`;
  // What the machine has already is not sent again.
  const isThere = verb === "Sent" && report.bytes === 0 && report.files > 0;
  return [
    `${verb} ${files}${isThere ? "; nothing had to be copied" : `, ${formatBytes(report.bytes)}`}.`,
    ...report.skipped.flatMap(({ path, reason }) =>
      wrap(`Left out ${tame(path)}: ${tame(reason)}`, view.columns, "  "),
    ),
  ];
}
