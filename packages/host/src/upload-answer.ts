import { PlatformError } from "@gpujob/spec";
import { toRefusal } from "./link.ts";
import type { OfferedBase } from "./upload-base.ts";
import type { FileRange } from "./upload-ranges.ts";

/** What the host says at one point of the conversation: lines up to a single dot. */
export interface Answer {
  /** Work folders that it could begin with. */
  readonly bases: readonly OfferedBase[];
  /** Contents that it lacks. */
  readonly hashes: ReadonlySet<string>;
  /** Parts of big files that it has already. */
  readonly ranges: readonly FileRange[];
  /** Contents that did not come whole. */
  readonly lost: readonly string[];
  /** The base is not there any more. */
  readonly isStale: boolean;
}

/** Reads one answer. Throws what the host refused, and `unreachable` when it ended instead. */
export async function readAnswer(lines: AsyncGenerator<string>): Promise<Answer> {
  const bases: OfferedBase[] = [];
  const hashes = new Set<string>();
  const ranges: FileRange[] = [];
  const lost: string[] = [];
  let isStale = false;
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) {
      throw new PlatformError("unreachable", "The upload's other side has ended.", {
        scope: "host",
        operation: "upload",
      });
    }
    const [word = "", first = "", second = "", third = ""] = value.split(" ");
    if (word === ".") return { bases, hashes, ranges, lost, isStale };
    if (word === "E") throw toRefusal(first, `${second} ${third}`.trim(), "upload");
    if (word === "base") bases.push({ id: first, name: second });
    else if (word === "stale") isStale = true;
    else if (word === "lost") lost.push(first);
    else if (word === "r")
      ranges.push({ hash: first, start: Number(second), end: Number(second) + Number(third) });
    else hashes.add(word);
  }
}
