import type { KnownTrees } from "./known-trees.ts";
import { nameTree } from "./known-trees.ts";
import type { Manifest, ManifestEntry } from "./manifest.ts";

/** A work folder that the host could begin with: the attempt's own (`work`), or one made in advance. */
export interface OfferedBase {
  readonly id: string;
  /** Name of the list of what it has. */
  readonly name: string;
}

/** One with the lines of what it has, by path. */
export interface KnownBase {
  readonly base: OfferedBase;
  readonly lines: readonly string[];
}

/** What turns a base into what is wanted. */
export interface Delta {
  readonly base: OfferedBase;
  /** Files that the base has not, or has otherwise. */
  readonly need: readonly ManifestEntry[];
  /** Those of them whose content the base has under another name: the host has it in its store. */
  readonly copied: ReadonlySet<ManifestEntry>;
  /** Paths of the base that are not wanted; none of a work folder that is the attempt's own. */
  readonly gone: readonly string[];
  /** Lines of the base that stay beside what is wanted. */
  readonly others: readonly string[];
}

/** A list of what a work folder has, and its name. */
export interface TreeList {
  readonly text: string;
  readonly name: string;
}

const pathColumn = 70;

/** The list of everything that is wanted and of what stays beside it. */
export function listOutcome(manifest: Manifest, others: readonly string[]): TreeList {
  const wanted = manifest.entries.map(({ line }) => line);
  const lines = others.length === 0 ? wanted : [...wanted, ...others].toSorted(byPath);
  const text = lines.join("\n");
  return { text, name: nameTree(text) };
}

function byPath(left: string, right: string): number {
  return left.slice(pathColumn) < right.slice(pathColumn) ? -1 : 1;
}

/** Those of the offered bases whose lists are known here. */
export async function readBases(
  offered: readonly OfferedBase[],
  known: KnownTrees,
): Promise<readonly KnownBase[]> {
  const read = offered.map(async (base) => ({ base, lines: await known.read(base.name) }));
  return (await Promise.all(read)).flatMap(({ base, lines }) =>
    lines === undefined ? [] : [{ base, lines }],
  );
}

/** The base from which the fewest changes lead to what is wanted; `undefined`: it is as well to begin with nothing. */
export function chooseBase(manifest: Manifest, bases: readonly KnownBase[]): Delta | undefined {
  let best: Delta | undefined;
  for (const known of bases) {
    const delta = compareTrees(manifest, known);
    if (delta && (best === undefined || size(delta) < size(best))) best = delta;
  }
  return best;
}

function size(delta: Delta): number {
  return delta.need.length + delta.gone.length;
}

/** The difference between a known list and what is wanted. */
function compareTrees(manifest: Manifest, { base, lines }: KnownBase): Delta | undefined {
  const { need, left } = walkBoth(manifest.entries, lines);
  const isOwn = base.id === "work";
  // More than half is other: then the store serves it better.
  if (!isOwn && need.length * 2 > manifest.entries.length) return undefined;
  const replaced = new Set(need.map(({ path }) => path));
  const others = left.filter((line) => !replaced.has(line.slice(pathColumn)));
  const gone = isOwn ? [] : others.map((line) => line.slice(pathColumn));
  if (gone.some((path) => hasParentIn(path, replaced))) return undefined;
  return {
    base,
    need,
    copied: findCopied(need, lines),
    gone,
    others: isOwn ? others : [],
  };
}

/** Both are in the order of their paths, so that one walk finds what is on one side alone. */
function walkBoth(
  entries: readonly ManifestEntry[],
  lines: readonly string[],
): { readonly need: readonly ManifestEntry[]; readonly left: readonly string[] } {
  const need: ManifestEntry[] = [];
  const left: string[] = [];
  let at = 0;
  for (const entry of entries) {
    let line = lines[at];
    while (line !== undefined && line !== entry.line && line.slice(pathColumn) < entry.path) {
      left.push(line);
      line = lines[++at];
    }
    if (line === entry.line) at += 1;
    else need.push(entry);
  }
  return { need, left: [...left, ...lines.slice(at)] };
}

/** A folder that becomes a file: not every tar puts a file where an empty folder is. */
function hasParentIn(path: string, paths: ReadonlySet<string>): boolean {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    if (paths.has(path.slice(0, end))) return true;
  }
  return false;
}

function findCopied(
  need: readonly ManifestEntry[],
  lines: readonly string[],
): ReadonlySet<ManifestEntry> {
  if (need.length === 0) return new Set();
  const wanted = new Set(need.map(({ file }) => file.sha256));
  const there = new Set(lines.map((line) => line.slice(0, 64)).filter((sum) => wanted.has(sum)));
  return new Set(need.filter(({ file }) => there.has(file.sha256)));
}
