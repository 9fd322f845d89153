import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { GpujobError } from "@gpujob/spec";
import { StoreGoneError } from "./store.ts";

function refuse(message: string, hint: string): GpujobError {
  return new GpujobError("store", message, { hint });
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** A path as one word of a POSIX shell, for the commands in hints. */
function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

function checkOwner(path: string, stats: Stats, userId: number | undefined): void {
  if (userId === undefined || stats.uid === userId) return;
  throw refuse(
    `${path} belongs to user ${stats.uid}, and gpujob runs as user ${userId}.`,
    `Run gpujob as its owner, set GPUJOB_HOME to a folder of your own, or make it yours: \`sudo chown -R ${userId} ${quote(path)}\`.`,
  );
}

function checkFolder(folder: string, userId: number | undefined): void {
  const stats = look(folder);
  if (stats?.isSymbolicLink() === true) {
    throw refuse(
      `The state folder ${folder} is a symbolic link.`,
      `Name the folder it leads to: \`export GPUJOB_HOME="$(readlink -f ${quote(folder)})"\`.`,
    );
  }
  if (stats?.isDirectory() !== true) {
    throw refuse(`${folder} is not a folder.`, "Set GPUJOB_HOME to a folder of your own.");
  }
  checkOwner(folder, stats, userId);
  if ((stats.mode & 0o022) !== 0) {
    throw refuse(
      `Other users may write to the state folder ${folder}.`,
      `Close it with \`chmod 700 ${quote(folder)}\`, or set GPUJOB_HOME to a folder of your own.`,
    );
  }
}

function checkStoreFile(path: string, stats: Stats, userId: number | undefined): void {
  if (stats.isSymbolicLink()) {
    throw refuse(
      `The store ${path} is a symbolic link.`,
      `Put the file itself there: \`mv "$(readlink -f ${quote(path)})" ${quote(path)}\`.`,
    );
  }
  if (!stats.isFile()) {
    throw refuse(
      `${path} is not a file.`,
      `Move it away: \`mv ${quote(path)} ${quote(`${path}.old`)}\`.`,
    );
  }
  checkOwner(path, stats, userId);
  if ((stats.mode & 0o077) !== 0) {
    throw refuse(
      `Other users may read or write the store ${path}.`,
      `Close it with \`chmod 600 ${quote(path)}\`.`,
    );
  }
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === code;
}

/** Makes an empty file that only its owner may read; false when there is one already. */
export function createPrivateFile(path: string): boolean {
  try {
    closeSync(openSync(path, "wx", 0o600));
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw refuse(
      `The store ${path} cannot be made: ${error instanceof Error ? error.message : String(error)}.`,
      "Check that there is space and that the folder is yours, or set GPUJOB_HOME to another.",
    );
  }
}

function makeFolder(folder: string): void {
  if (look(folder) !== undefined) return;
  try {
    const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) chmodSync(folder, 0o700);
  } catch (error) {
    throw refuse(
      `The state folder ${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}.`,
      "Set GPUJOB_HOME to a folder of your own.",
    );
  }
}

/**
 * Makes sure that a state file and its folder exist and are only this user's: file 0600, new folder 0700.
 * Throws `GpujobError` of kind `store`, with the command that mends it, for a link, another owner or open permissions.
 */
export function prepareFile(path: string, userId: number | undefined): void {
  const folder = dirname(path);
  makeFolder(folder);
  checkFolder(folder, userId);
  createPrivateFile(path);
  const stats = look(path);
  if (stats !== undefined) checkStoreFile(path, stats, userId);
}

/**
 * Remembers which file and which write-ahead log stand at a path now; the check throws when one is gone or another.
 * SQLite would go on writing to a deleted file without a word, and all of that would be lost.
 */
export function watchFiles(path: string): () => void {
  const known = [path, `${path}-wal`].map((each) => ({ each, stats: statSync(each) }));
  return () => {
    for (const { each, stats } of known) {
      const now = statSync(each, { throwIfNoEntry: false });
      if (now?.ino !== stats.ino || now.dev !== stats.dev) throw new StoreGoneError(path);
    }
  };
}
