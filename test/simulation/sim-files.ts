import type { RunFiles } from "@gpujob/engine";
import type { HostAttempt, HostFile, HostSession, UploadFile } from "@gpujob/spec";
import type { DriverProcess } from "./driver-process.ts";
import { checkpointFile, resultFile } from "./sim-link.ts";

/** What is kept on the user's machine. It outlives every driver. */
export interface HomeDisk {
  /** Bytes of log by attempt and rank. */
  readonly logs: Map<string, number>;
  /** Milliseconds of work by checkpoint. */
  readonly checkpoints: Map<string, number>;
  /** Milliseconds of work by output path. */
  readonly outputs: Map<string, number>;
  /** Log bytes that would have left a gap; there must be none. */
  gaps: number;
}

export function createHomeDisk(): HomeDisk {
  return { logs: new Map(), checkpoints: new Map(), outputs: new Map(), gaps: 0 };
}

/** The engine's files port of one process, on a disk that all processes share. */
export function createSimFiles(disk: HomeDisk, process: DriverProcess): RunFiles {
  async function fetch(
    session: HostSession,
    attempt: HostAttempt,
    path: string,
    signal: AbortSignal,
  ): Promise<HostFile | undefined> {
    const { files } = await session.list(attempt, { globs: [path] }, { signal });
    const file = files.find((each) => each.path === path);
    if (file === undefined) return undefined;
    for await (const bytes of session.read(attempt, file, { signal, from: "work" })) void bytes;
    return file;
  }

  return {
    listUploads: async () => [],
    logSize: (_runId, attempt, member) =>
      process.call("logSize", () => disk.logs.get(`${attempt}/${member}`) ?? 0),
    appendLog: (_runId, attempt, member, bytes, offset) =>
      process.call("appendLog", () => {
        const key = `${attempt}/${member}`;
        const size = disk.logs.get(key) ?? 0;
        if (offset > size) disk.gaps += 1;
        disk.logs.set(key, Math.max(size, offset + bytes.length));
      }),
    async saveCheckpoint(session, attempt, { signal }) {
      const file = await fetch(session, attempt, checkpointFile, signal);
      if (file === undefined) return undefined;
      return process.call("saveCheckpoint", () => {
        const checkpointId = `c-${attempt.attempt}-${file.bytes}`;
        disk.checkpoints.set(checkpointId, file.bytes);
        return { checkpoint: { checkpointId, files: 1, bytes: file.bytes }, skipped: [] };
      });
    },
    loadCheckpoint: (_runId, checkpointId) =>
      process.call("loadCheckpoint", () => {
        const doneMs = disk.checkpoints.get(checkpointId ?? "");
        return doneMs === undefined ? [] : [uploadOf(doneMs)];
      }),
    async collectOutputs(session, attempt, { signal, subfolder }) {
      const file = await fetch(session, attempt, resultFile, signal);
      if (file === undefined) return { files: [], skipped: [] };
      return process.call("collectOutputs", () => {
        const path = subfolder === undefined ? resultFile : `${subfolder}/${resultFile}`;
        disk.outputs.set(path, file.bytes);
        return { files: [resultFile], skipped: [] };
      });
    },
  };
}

function uploadOf(doneMs: number): UploadFile {
  return {
    path: checkpointFile,
    bytes: doneMs,
    mode: 0o600,
    mtimeMs: 0,
    sha256: String(doneMs),
    open: async function* () {
      yield new Uint8Array(0);
    },
  };
}
