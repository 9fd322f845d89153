import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname } from "node:path";

/** Remembers the hash of a file as long as its size and times stay. */
export interface StatCache {
  readonly find: (path: string, stats: Stats) => string | undefined;
  readonly keep: (path: string, stats: Stats, sha256: string) => void;
  /** Writes what was found or kept this time and forgets the rest, where that is worth more than reading again. */
  readonly save: () => Promise<void>;
}

/**
 * What is known of files, in columns: one object for each of them would take longer to read than to look at the files.
 * On disk: a line of JSON with the version and the names, then the hashes, then the marks.
 */
interface Known {
  readonly names: readonly string[];
  /** 64 hexadecimal digits for each name. */
  readonly hashes: string;
  /** Size, time of content and of status in milliseconds, and inode of each name. */
  readonly marks: Float64Array;
}

const version = 2;
const hashDigits = 64;
const marksPerFile = 4;
const nothing: Known = { names: [], hashes: "", marks: new Float64Array() };

/** A file changed so shortly before it was hashed could change again within the same tick of its clock. */
const racyMs = 2000;

/** Reads a cache file; a missing or unreadable one is an empty cache. Without a path nothing is kept. */
export async function openStatCache(path: string | undefined, nowMs: number): Promise<StatCache> {
  const old = path === undefined ? nothing : await readKnown(path);
  const placeOf = new Map(old.names.map((name, place) => [name, place]));
  const found: number[] = [];
  const kept: { readonly name: string; readonly stats: Stats; readonly sha256: string }[] = [];
  let keptBytes = 0;
  return {
    find(name, stats) {
      const place = placeOf.get(name);
      if (place === undefined || !isSame(old.marks, place * marksPerFile, stats)) return undefined;
      found.push(place);
      return old.hashes.slice(place * hashDigits, (place + 1) * hashDigits);
    },
    keep(name, stats, sha256) {
      if (nowMs - Math.max(stats.mtimeMs, stats.ctimeMs) < racyMs) return;
      kept.push({ name, stats, sha256 });
      keptBytes += stats.size;
    },
    async save() {
      const files = found.length + kept.length;
      const isSlight = kept.length * 100 < files && keptBytes < 4 << 20;
      const had = old.names.length;
      if (path === undefined || (had > 0 && isSlight && files <= had)) return;
      const hashOf = (place: number): string =>
        old.hashes.slice(place * hashDigits, (place + 1) * hashDigits);
      const marksOf = (place: number): Float64Array =>
        old.marks.subarray(place * marksPerFile, (place + 1) * marksPerFile);
      await writeKnown(path, {
        names: [...found.map((place) => old.names[place] ?? ""), ...kept.map(({ name }) => name)],
        hashes: [...found.map(hashOf), ...kept.map(({ sha256 }) => sha256)].join(""),
        marks: Float64Array.from([
          ...found.flatMap((place) => [...marksOf(place)]),
          ...kept.flatMap(({ stats }) => [stats.size, stats.mtimeMs, stats.ctimeMs, stats.ino]),
        ]),
      });
    },
  };
}

function isSame(marks: Float64Array, at: number, stats: Stats): boolean {
  return (
    marks[at] === stats.size &&
    marks[at + 1] === stats.mtimeMs &&
    marks[at + 2] === stats.ctimeMs &&
    marks[at + 3] === stats.ino
  );
}

async function writeKnown(path: string, { names, hashes, marks }: Known): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const content = [`${JSON.stringify({ version, names })}\n`, hashes, marks];
  await writeFile(`${path}.${process.pid}`, content, { mode: 0o600 });
  await rename(`${path}.${process.pid}`, path);
}

async function readKnown(path: string): Promise<Known> {
  try {
    const content = await readFile(path);
    const end = content.indexOf(10);
    const names = readNames(content.toString("utf8", 0, end));
    const marksAt = end + 1 + names.length * hashDigits;
    const hashes = content.toString("latin1", end + 1, marksAt);
    // A copy, as these numbers lie anywhere in the file.
    const marks = new Float64Array(Uint8Array.from(content.subarray(marksAt)).buffer);
    const isWhole = marks.length === names.length * marksPerFile && /^[0-9a-f]*$/.test(hashes);
    return isWhole ? { names, hashes, marks } : nothing;
  } catch {
    // A cache is only ever a shortcut.
    return nothing;
  }
}

/** Throws when the line is not ours. */
function readNames(line: string): readonly string[] {
  const parsed: unknown = JSON.parse(line);
  const isOurs = typeof parsed === "object" && parsed !== null && "version" in parsed;
  if (!isOurs || parsed.version !== version || !("names" in parsed)) return [];
  const { names } = parsed;
  return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : [];
}
