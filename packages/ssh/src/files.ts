import { readFile, stat } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";

/** What the transport reads on the user's own machine. */
export interface SshFiles {
  /** Absolute path of the home folder; `~` in paths. */
  readonly home: string;
  /** The user's name here, for addresses that name none. */
  readonly userName: string;
  /** A file's text; `undefined` when there is none. Throws when it is there and cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** Permission bits of a file; `undefined` when there is none, or where the system has no such bits. */
  readMode(path: string): Promise<number | undefined>;
}

/** Files of this machine. */
export function localFiles(
  options: { readonly home?: string; readonly userName?: string } = {},
): SshFiles {
  return {
    home: options.home ?? homedir(),
    userName: options.userName ?? userInfo().username,
    read: (path) => readFile(path, "utf8").catch(absent),
    readMode: async (path) => {
      if (process.platform === "win32") return undefined;
      const found = await stat(path).catch(absent);
      return found === undefined ? undefined : found.mode & 0o777;
    },
  };
}

/** `~` and paths from the home folder, as absolute paths. */
export function expandPath(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

function absent(error: unknown): undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : "";
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
