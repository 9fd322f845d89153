import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { lstatSync, readlinkSync } from "node:fs";
import { lstat, readdir, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, SkippedFile, UploadFile } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { findNames } from "./find-names.ts";
import { hashFile, readRange, readVerified } from "./local-file.ts";
import type { StatCache } from "./stat-cache.ts";
import { openStatCache } from "./stat-cache.ts";

/** What of a local folder goes to the machine. */
export interface FolderScan {
  readonly files: readonly UploadFile[];
  /** What cannot be sent, and why. */
  readonly skipped: readonly SkippedFile[];
  /** Ignored files and folders that are large: often the data that the job needs. */
  readonly ignoredLarge: readonly { readonly path: string; readonly bytes: number }[];
}

export interface ScanOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Keeps hashes between scans, by size and times. Absent: every file is read each time. */
  readonly statCachePath?: string;
  /** Look for large ignored files? @default true */
  readonly findIgnored?: boolean;
  /**
   * Absolute folders whose files are not even opened: closing any descriptor of an open SQLite file drops the locks that
   * this process holds on it.
   */
  readonly never?: readonly string[];
}

const largeBytes = 10 << 20;
const parallel = 8;

/** Finds and hashes the files of a folder. Throws `spec_invalid` when it is no folder. */
export async function scanFolder(path: string, options: ScanOptions): Promise<FolderScan> {
  const root = resolve(path);
  if (!lstatSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    const stats = await lstat(root).catch(() => undefined);
    if (!stats?.isSymbolicLink()) {
      throw new GpujobError("spec_invalid", `${path} is not a folder.`, {
        hint: "Name the folder to send with `workdir:`.",
      });
    }
  }
  const [found, cache] = await Promise.all([
    findNames(root, { ...options, withIgnored: options.findIgnored ?? true }),
    openStatCache(options.statCachePath, options.clock.now()),
  ]);
  const isOpen = await leaveOut(root, options.never ?? []);
  const skipped = [...found.skipped];
  const files: UploadFile[] = [];
  const unknown: { name: string; stats: Stats }[] = [];
  for (const [at, name] of found.names.toSorted().entries()) {
    if (at % 64 === 63) {
      // Thousands of files at once must not hold up heartbeats, or the handshake of a connection.
      await nextTurn();
      options.signal.throwIfAborted();
    }
    if (!isOpen(name)) continue;
    const place = `${root}/${name}`;
    const stats = lstatSync(place, { throwIfNoEntry: false });
    // Tracked by git, but deleted.
    if (stats === undefined) continue;
    const problem = addEntry({ root, path: place, name, stats }, { cache, files, unknown });
    if (problem !== undefined) skipped.push({ path: name, reason: problem });
  }
  await hashUnknown(root, unknown, { ...options, cache, files, skipped });
  await cache.save();
  return {
    files: files.toSorted((left, right) => (left.path < right.path ? -1 : 1)),
    skipped,
    ignoredLarge: await measureIgnored(root, found.ignored),
  };
}

/** Tells whether a name below the root may be looked at; the folders may be written in another way than the root is. */
async function leaveOut(
  root: string,
  never: readonly string[],
): Promise<(name: string) => boolean> {
  const real = async (path: string): Promise<string> => realpath(path).catch(() => path);
  const [base, ...folders] = await Promise.all([root, ...never].map(real));
  const closed = folders
    .map((folder) => relative(base ?? root, folder).replaceAll("\\", "/"))
    .filter((folder) => !folder.startsWith("../"));
  if (closed.length === 0) return () => true;
  return (name) =>
    !closed.some((folder) => folder === "" || name === folder || name.startsWith(`${folder}/`));
}

/** Puts one name where it belongs; a text says why it is skipped. */
function addEntry(
  { root, path, name, stats }: { root: string; path: string; name: string; stats: Stats },
  into: { cache: StatCache; files: UploadFile[]; unknown: { name: string; stats: Stats }[] },
): string | undefined {
  const isLong = name.length > 80 && name.split("/").some((part) => Buffer.byteLength(part) > 255);
  if (isLong) return "its name is too long";
  if (stats.isSymbolicLink()) {
    const link = readInnerLink(root, name);
    if (link === undefined) return "a symbolic link that leaves the folder";
    into.files.push(createLink(name, link, stats));
    return undefined;
  }
  // A submodule that was not checked out is a folder.
  if (stats.isDirectory()) return undefined;
  if (!stats.isFile()) return "neither a file nor a folder";
  const known = into.cache.find(name, stats);
  if (known === undefined) into.unknown.push({ name, stats });
  else into.files.push(createFile(path, name, stats, known));
  return undefined;
}

/** The target of a link, relative to it, when it stays inside the folder. */
function readInnerLink(root: string, name: string): string | undefined {
  const path = join(root, name);
  const target = resolve(dirname(path), readlinkSync(path));
  const inside = relative(root, target);
  if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return undefined;
  return relative(dirname(path), target).replaceAll("\\", "/") || ".";
}

function createLink(name: string, link: string, stats: Stats): UploadFile {
  return {
    path: name,
    bytes: 0,
    mode: 0o777,
    mtimeMs: stats.mtimeMs,
    sha256: createHash("sha256").update(`link ${link}`).digest("hex"),
    link,
    open: async function* () {},
  };
}

function createFile(path: string, name: string, stats: Stats, sha256: string): UploadFile {
  return {
    path: name,
    bytes: stats.size,
    mode: stats.mode & 0o777,
    mtimeMs: stats.mtimeMs,
    sha256,
    open: () => readVerified(path, { sha256, bytes: stats.size }),
    openRange: (start, end) => readRange(path, start, end),
    async reread() {
      const fresh = lstatSync(path, { throwIfNoEntry: false });
      if (!fresh?.isFile()) return undefined;
      const signal = new AbortController().signal;
      return createFile(path, name, fresh, await hashFile(path, { signal }));
    },
  };
}

async function hashUnknown(
  root: string,
  unknown: readonly { readonly name: string; readonly stats: Stats }[],
  into: ScanOptions & { cache: StatCache; files: UploadFile[]; skipped: SkippedFile[] },
): Promise<void> {
  const queue = unknown.values();
  let done = 0;
  const work = async (): Promise<void> => {
    for (const { name, stats } of queue) {
      // Small files are read at once: others must get their turn in between.
      if (++done % 32 === 0) await nextTurn();
      try {
        const path = `${root}/${name}`;
        const sha256 = await hashFile(path, { signal: into.signal, bytes: stats.size });
        into.cache.keep(name, stats, sha256);
        into.files.push(createFile(path, name, stats, sha256));
      } catch (error) {
        into.signal.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        into.skipped.push({ path: name, reason: `it cannot be read (${why})` });
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
}

/** Bytes of ignored names; a folder is looked into as far as a few thousand entries. */
async function measureIgnored(
  root: string,
  names: readonly string[],
): Promise<{ path: string; bytes: number }[]> {
  const result: { path: string; bytes: number }[] = [];
  let left = 4000;
  for (const name of names) {
    let bytes = 0;
    const pending = [join(root, name)];
    for (let path = pending.pop(); path !== undefined && left > 0; path = pending.pop()) {
      left--;
      const stats = await lstat(path).catch(() => undefined);
      if (stats?.isDirectory()) {
        const parts = await readdir(path).catch(() => []);
        pending.push(...parts.map((part) => join(path ?? "", part)));
      } else bytes += stats?.size ?? 0;
    }
    if (bytes >= largeBytes) result.push({ path: name, bytes });
  }
  return result.toSorted((one, other) => other.bytes - one.bytes);
}
