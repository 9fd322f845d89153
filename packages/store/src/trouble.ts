import { GpujobError } from "@gpujob/spec";
import type { ErrorDetails } from "@gpujob/spec";

/** SQLite's primary result codes that a user can meet. */
const code = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  constraint: 19,
  notDatabase: 26,
} as const;

/** The primary result code of an SQLite error; undefined for any other value. */
function primaryCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

/** Whether another connection was in the way, so that the same statement may succeed later. */
export function isBusy(error: unknown): boolean {
  const primary = primaryCode(error);
  return primary === code.busy || primary === code.locked;
}

/** Whether the file itself is broken, so that nothing more may be written to it. */
export function isDamage(error: unknown): boolean {
  const primary = primaryCode(error);
  return primary === code.corrupt || primary === code.notDatabase;
}

function storeTrouble(message: string, details: ErrorDetails): GpujobError {
  return new GpujobError("store", message, details);
}

/** Another process has held the write lock for longer than we wait. */
export function lockedError(path: string, waitedMs: number, cause: unknown): GpujobError {
  const seconds = Math.round(waitedMs / 1000);
  return storeTrouble(`The store ${path} has been locked by another process for ${seconds} s.`, {
    hint: `Nothing was written. See which process it is with \`fuser -v '${path}'\`, let it end, then try again.`,
    retryAfterMs: 1000,
    cause,
  });
}

/** The file is broken. What is on the machines is not lost: ownership tags and hosts still tell. */
export function damagedError(path: string, cause: unknown): GpujobError {
  return storeTrouble(`The store ${path} is damaged; nothing more is written to it.`, {
    hint: `Keep it aside with \`mv '${path}' '${path}.damaged'\`, put a backup in its place if you have one, then run \`gpujob audit\`: it finds every machine by its tag.`,
    cause,
  });
}

/**
 * Any error of the database as one that a user can act on; errors of ours pass unchanged. `retryAfterMs` is set
 * where the same call may succeed once the user has made room.
 */
export function toStoreError(error: unknown, path: string): unknown {
  const message = error instanceof Error ? error.message : String(error);
  switch (primaryCode(error)) {
    case undefined:
      return error;
    case code.full:
      return storeTrouble(`There is no space left for the store ${path}.`, {
        hint: "Nothing was written, and nothing confirmed earlier is lost. Free some space on that disk (`gpujob prune` helps), then try again.",
        retryAfterMs: 5000,
        cause: error,
      });
    case code.corrupt:
    case code.notDatabase:
      return damagedError(path, error);
    case code.readonly:
      return storeTrouble(`The store ${path} cannot be written: ${message}.`, {
        hint: "Make the file and its folder writable for you, or set GPUJOB_HOME to a folder that is.",
        cause: error,
      });
    case code.cannotOpen:
      return storeTrouble(`The store ${path} cannot be opened: ${message}.`, {
        hint: "Check that the folder exists and is yours, or set GPUJOB_HOME to another.",
        cause: error,
      });
    case code.ioError:
      return storeTrouble(`The disk refused to write the store ${path}: ${message}.`, {
        hint: "Nothing confirmed earlier is lost. Check the disk, its quota and `ulimit -f`, then try again.",
        retryAfterMs: 5000,
        cause: error,
      });
    case code.constraint:
      return storeTrouble(`The store ${path} refused a second row of the same id: ${message}.`, {
        cause: error,
      });
    default:
      return storeTrouble(`The store ${path} failed: ${message}.`, {
        hint: "Run `gpujob doctor`; it checks the file.",
        cause: error,
      });
  }
}
