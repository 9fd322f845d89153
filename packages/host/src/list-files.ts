import picomatch from "picomatch";
import type { HostFile, HostListing, SkippedFile } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** A file that a host has, before its hash is known. */
export type FoundFile = Omit<HostFile, "sha256">;

/** What `list` on the host printed. Throws `contract_violation` when it was cut short. */
export function parseFound(output: Buffer): { files: FoundFile[]; skipped: SkippedFile[] } {
  const files: FoundFile[] = [];
  const skipped: SkippedFile[] = [];
  let isWhole = false;
  for (const line of splitLines(output)) {
    const text = line.toString("utf8");
    if (text === ".") {
      isWhole = true;
      continue;
    }
    const isReadable = Buffer.from(text).equals(line);
    const found = /^f (\d+) ([0-7]+) (-?\d+) (.*)$/su.exec(text);
    const path = stripDot(found?.[4] ?? text.slice(2));
    if (!isReadable) skipped.push({ path, reason: "its name is not valid UTF-8" });
    else if (found) {
      const problem = namingProblem(path);
      if (problem === undefined) {
        files.push({
          path,
          bytes: Number(found[1]),
          mode: Number.parseInt(found[2] ?? "0", 8),
          mtimeMs: Number(found[3]) * 1000,
        });
      } else skipped.push({ path, reason: problem });
    } else skipped.push({ path, reason: skipReason(text[0]) });
  }
  if (!isWhole) {
    throw new PlatformError(
      "contract_violation",
      "The list of files from the machine is cut short.",
      {
        scope: "host",
        operation: "list",
      },
    );
  }
  return { files, skipped };
}

function skipReason(kind: string | undefined): string {
  if (kind === "l") return "a symbolic link; links are not followed";
  if (kind === "n") return "its name contains a newline";
  return "neither a file nor a folder (a device, socket or pipe)";
}

/** Why a path must not reach this computer; `undefined`: it may. */
export function namingProblem(path: string): string | undefined {
  if (path === "" || path.startsWith("/")) return "its path is absolute";
  if (path.split("/").some((part) => part === ".." || part === "" || part === ".")) {
    return "its path climbs out of the folder";
  }
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) return "its name contains a control character";
  if (path.split("/").some((part) => Buffer.byteLength(part) > 255)) {
    return "its name is longer than 255 bytes";
  }
  return undefined;
}

/** Keeps what matches one of the globs, which are relative to the listed folder; a bare folder means all below it. */
export function selectByGlobs<T extends { readonly path: string }>(
  files: readonly T[],
  globs: readonly string[],
): T[] {
  if (globs.length === 0) return [];
  const patterns = globs.map((glob) => glob.replace(/^\.\//, "").replace(/\/+$/, ""));
  const matches = picomatch([...patterns, ...patterns.map((glob) => `${glob}/**`)], { dot: true });
  return files.filter((file) => matches(file.path));
}

/** A glob that means exactly this path. */
export function escapeGlob(path: string): string {
  return path.replaceAll(/[\\*?[\]{}()!+@|]/g, String.raw`\$&`);
}

/** `hash  path` lines of the host, by path. */
export function parseSums(output: Buffer): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  for (const line of splitLines(output)) {
    const text = line.toString("utf8");
    const parts = /^(\\?)([0-9a-f]{64}) [ *](.*)$/s.exec(text);
    if (!parts) continue;
    // GNU marks a line whose name it escaped.
    const name = parts[1] === "\\" ? (parts[3] ?? "").replaceAll("\\\\", "\\") : (parts[3] ?? "");
    sums.set(stripDot(name), parts[2] ?? "");
  }
  return sums;
}

/** Files with their hashes; those that went away in between are listed as skipped. */
export function joinSums(
  files: readonly FoundFile[],
  sums: ReadonlyMap<string, string>,
  skipped: readonly SkippedFile[],
): HostListing {
  const gone: SkippedFile[] = [];
  const result = files.flatMap((file): HostFile[] => {
    const sha256 = sums.get(file.path);
    if (sha256 !== undefined) return [{ ...file, sha256 }];
    gone.push({ path: file.path, reason: "it could not be read" });
    return [];
  });
  return { files: result, skipped: [...skipped, ...gone] };
}

/** The names for `hash` and `read-many`, each ended by NUL. */
export function renderNames(files: readonly { readonly path: string }[]): Buffer {
  return Buffer.from(files.map((file) => `./${file.path}\0`).join(""));
}

function stripDot(path: string): string {
  return path.startsWith("./") ? path.slice(2) : path;
}

function* splitLines(output: Buffer): Generator<Buffer> {
  let start = 0;
  for (let end = output.indexOf(10); end >= 0; end = output.indexOf(10, start)) {
    yield output.subarray(start, end);
    start = end + 1;
  }
}
