import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { hashFile, scanFolder } from "@gpujob/host";
import type { Clock, JobSpec, UploadFile } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { CodeFile } from "./run-files.ts";

/** What would be sent to each machine. */
export interface CodeScan {
  readonly files: readonly CodeFile[];
  readonly bytes: number;
  readonly ignoredLarge: readonly { readonly path: string; readonly bytes: number }[];
  readonly warnings: readonly string[];
}

interface ScanOptions {
  readonly clock: Clock;
  /** Folder of our own state. */
  readonly home: string;
  /** Absolute folders whose files are never sent: our own state, and what came home from machines. */
  readonly never: readonly string[];
  readonly signal: AbortSignal;
}

/** Looks through the work folder and the local `files:` of a job. Throws `usage` for one that is not there. */
export async function scanCode(job: JobSpec, options: ScanOptions): Promise<CodeScan> {
  const scan =
    job.workdir === undefined ? undefined : await scanFolder(job.workdir, scanOptions(options));
  const code = (scan?.files ?? [])
    .map((file) => ({ file, source: join(job.workdir ?? "", file.path) }))
    .filter(({ source }) => !options.never.some((folder) => isInside(source, folder)));
  const extra = await Promise.all(
    job.files.flatMap(({ target, source }) =>
      source.kind === "local" ? [scanLocal(source.path, target, options)] : [],
    ),
  );
  const files = [
    ...new Map([...code, ...extra.flat()].map((each) => [each.file.path, each])).values(),
  ];
  return {
    files,
    bytes: files.reduce((sum, each) => sum + each.file.bytes, 0),
    ignoredLarge: scan?.ignoredLarge ?? [],
    warnings: (scan?.skipped ?? []).map(({ path, reason }) => `${path} is not sent: ${reason}.`),
  };
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}${sep}`);
}

function scanOptions({
  clock,
  home,
  never,
  signal,
}: ScanOptions): Parameters<typeof scanFolder>[1] {
  return { clock, signal, never, statCachePath: join(home, "stat-cache") };
}

async function scanLocal(
  path: string,
  target: string,
  options: ScanOptions,
): Promise<readonly CodeFile[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new GpujobError("usage", `files: ${target}: there is no ${path} here.`, { cause });
  });
  if (found.isDirectory()) {
    const { files } = await scanFolder(path, { ...scanOptions(options), findIgnored: false });
    return files.map((file) => ({
      file: { ...file, path: `${target}/${file.path}` },
      source: join(path, file.path),
    }));
  }
  return [{ file: await readFileFacts(path, target, options), source: path }];
}

/** One local file as it would be sent. */
export async function readFileFacts(
  path: string,
  target: string,
  wait: { readonly signal: AbortSignal },
): Promise<UploadFile> {
  const { size, mode, mtimeMs } = await stat(path);
  return {
    path: target,
    bytes: size,
    mode: mode & 0o777,
    mtimeMs,
    sha256: await hashFile(path, wait),
    open: () => createReadStream(path),
  };
}
