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

type Entry = readonly [
  bytes: number,
  mtimeMs: number,
  ctimeMs: number,
  inode: number,
  sha256: string,
];

/** A file changed so shortly before it was hashed could change again within the same tick of its clock. */
const racyMs = 2000;

/** Reads a cache file; a missing or unreadable one is an empty cache. Without a path nothing is kept. */
export async function openStatCache(path: string | undefined, nowMs: number): Promise<StatCache> {
  const old = path === undefined ? new Map<string, Entry>() : await readEntries(path);
  const fresh = new Map<string, Entry>();
  let keptFiles = 0;
  let keptBytes = 0;
  return {
    find(name, stats) {
      const entry = old.get(name);
      if (!entry) return undefined;
      const [bytes, mtimeMs, ctimeMs, inode, sha256] = entry;
      if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
      const isSame =
        bytes === stats.size &&
        mtimeMs === stats.mtimeMs &&
        ctimeMs === stats.ctimeMs &&
        inode === stats.ino;
      if (!isSame) return undefined;
      fresh.set(name, entry);
      return sha256;
    },
    keep(name, stats, sha256) {
      if (nowMs - Math.max(stats.mtimeMs, stats.ctimeMs) < racyMs) return;
      fresh.set(name, [stats.size, stats.mtimeMs, stats.ctimeMs, stats.ino, sha256]);
      keptFiles++;
      keptBytes += stats.size;
    },
    async save() {
      const isSlight = keptFiles * 100 < fresh.size && keptBytes < 4 << 20;
      if (path === undefined || (old.size > 0 && isSlight && fresh.size <= old.size)) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ version: 1, entries: [...fresh] });
      await writeFile(`${path}.${process.pid}`, text, { mode: 0o600 });
      await rename(`${path}.${process.pid}`, path);
    },
  };
}

async function readEntries(path: string): Promise<Map<string, Entry>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof parsed !== "object" || parsed === null || !("entries" in parsed)) return new Map();
    const { entries } = parsed;
    return Array.isArray(entries) ? new Map(entries.filter(isPair)) : new Map();
  } catch {
    // A cache is only ever a shortcut.
    return new Map();
  }
}

function isPair(value: unknown): value is [string, Entry] {
  if (!Array.isArray(value) || typeof value[0] !== "string" || !Array.isArray(value[1]))
    return false;
  return value[1].length === 5 && typeof value[1][4] === "string";
}
