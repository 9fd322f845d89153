import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { PassThrough } from "node:stream";
import type { Channel, ExecExit, Execution } from "@gpujob/spec";
import { abortedError } from "../abort.ts";

/** Where and as whom local processes run. */
export interface LocalChannelOptions {
  /** Working folder of every process. @default the current one */
  readonly cwd?: string;
  /** The whole environment of every process. @default this process's own */
  readonly env?: NodeJS.ProcessEnv;
}

const place = { platform: "local", operation: "exec" };

/**
 * A channel to this machine: each `exec` is a child process in a process group of its own. An abort kills the group,
 * `close` every group that still holds the channel open; what left its group and its streams lives on, as over SSH.
 */
export function localChannel(options: LocalChannelOptions = {}): Channel {
  const running = new Set<ChildProcess>();
  let isClosed = false;
  return {
    exec(argv, { signal }) {
      const [command, ...args] = argv;
      if (isClosed) throw new Error("The local channel is closed.");
      if (command === undefined) throw new Error("exec needs at least the name of a program.");
      const child = spawn(command, args, {
        cwd: options.cwd,
        env: options.env,
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
      });
      running.add(child);
      return watchChild(child, command, signal, () => running.delete(child));
    },
    async close() {
      isClosed = true;
      const ended = [...running].map(
        (child) => new Promise<void>((resolve) => child.once("close", () => resolve())),
      );
      for (const child of running) killGroup(child);
      await Promise.all(ended);
    },
  };
}

function watchChild(
  child: ChildProcess,
  command: string,
  signal: AbortSignal,
  onEnd: () => void,
): Execution {
  const stdin = child.stdin ?? new PassThrough();
  const stdout = child.stdout ?? new PassThrough();
  const stderr = new PassThrough();
  child.stderr?.pipe(stderr, { end: false });
  // A process that ends without reading its input is no fault of the writer.
  stdin.on("error", () => {});
  const exit = new Promise<ExecExit>((resolve, reject) => {
    const stop = (): void => killGroup(child);
    let startFailure: ExecExit | undefined;
    child.once("error", (error: NodeJS.ErrnoException) => {
      // As a shell reports it, so that callers need no second rule for a missing program.
      startFailure = { code: error.code === "ENOENT" ? 127 : 126 };
      stderr.write(`${command}: ${error.message}\n`);
      if (child.pid === undefined) finish(null, null);
    });
    function finish(code: number | null, signalName: NodeJS.Signals | null): void {
      signal.removeEventListener("abort", stop);
      onEnd();
      stderr.end();
      if (signal.aborted) return reject(abortedError(place, signal.reason));
      if (startFailure !== undefined) return resolve(startFailure);
      resolve({
        ...(code === null ? {} : { code }),
        ...(signalName === null ? {} : { signal: signalName }),
      });
    }
    child.once("close", finish);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
  exit.catch(() => {});
  return { stdin, stdout, stderr, exit };
}

function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined) {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
  }
  // Else the end would wait for a reader that has lost interest, or for a process that left the group.
  child.stdout?.destroy();
  child.stderr?.destroy();
}
