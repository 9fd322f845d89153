import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { PassThrough } from "node:stream";
import type { Execution, ExecExit } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { machineEnvironment } from "./environment.ts";
import type { MachineFolder } from "./machine-folder.ts";
import { machineFolder } from "./machine-folder.ts";
import { readStatus } from "./process-identity.ts";
import { killSession } from "./processes.ts";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** What a channel to a machine needs to know. */
export interface ChannelOptions {
  readonly platform: string;
  readonly folder: string;
  readonly leaseId: string;
  readonly searchPath: string;
  /** Is the machine up at this moment? Throws nothing. */
  readonly isUp: () => boolean;
}

/** A process on a machine, with what its channel needs to end it. */
export interface RunningExecution {
  readonly execution: Execution;
  /** Resolves when the process has ended and its outputs are closed. */
  readonly closed: Promise<void>;
  /** Ends the process and whatever it started that is still in its session; `exit` rejects with this. */
  readonly breakOff: (reason: PlatformError) => void;
}

// Changes folder and becomes the command, in one process. It reads no argument as shell text; a missing command is 127.
const enterAndBecome = 'cd "$0" || exit 126; exec "$@"';

/** Starts a process on a machine. @throws PlatformError `unsupported_request` for arguments that no process can get. */
export function startExecution(
  options: ChannelOptions,
  argv: readonly string[],
  signal: AbortSignal,
): RunningExecution {
  const place = machineFolder(options.folder, options.leaseId);
  const child = startProcess(options, place, argv);
  const root = writeRoot(place, child.pid);
  let broken: PlatformError | undefined;
  const breakOff = (reason: PlatformError): void => {
    broken ??= reason;
    if (child.pid !== undefined) killSession(options.leaseId, child.pid, isRunning(child));
    // A process that has left the session may still hold them open.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const abort = (): void => breakOff(abortedExec(options));
  signal.addEventListener("abort", abort, { once: true });
  const ended = waitForEnd(child, options).finally(() => {
    signal.removeEventListener("abort", abort);
    if (root !== undefined) rmSync(root, { force: true });
  });
  const exit = ended.then((result) => {
    if (broken !== undefined) throw broken;
    if (!options.isUp()) throw unreachableMachine(options);
    return result;
  });
  const closed = exit.then(
    () => undefined,
    () => undefined,
  );
  // Writing to a process that has ended is no error of ours; `exit` tells.
  child.stdin.on("error", () => {});
  // The machine may have ended while the process was being started, too late for the keeper to see it.
  if (!options.isUp()) breakOff(unreachableMachine(options));
  const { stdin, stdout, stderr } = child;
  return { execution: { stdin, stdout, stderr, exit }, closed, breakOff };
}

function startProcess(
  { leaseId, searchPath, platform }: ChannelOptions,
  place: MachineFolder,
  argv: readonly string[],
): Child {
  try {
    return spawn("/bin/sh", ["-c", enterAndBecome, place.home, ...argv], {
      cwd: "/",
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: machineEnvironment(leaseId, place, searchPath),
    });
  } catch (error) {
    throw new PlatformError(
      "unsupported_request",
      `${platform}: a command with a NUL character cannot be run on ${leaseId}.`,
      { platform, operation: "exec", cause: error },
    );
  }
}

function waitForEnd(child: Child, options: ChannelOptions): Promise<ExecExit> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(unreachableMachine(options, error)));
    child.once("close", (code, signal) => {
      if (signal !== null) resolve({ signal });
      else resolve(code === null ? {} : { code });
    });
  });
}

/** Notes the process for the keeper, which else knows processes by a variable that `env -i` clears. */
function writeRoot({ roots }: MachineFolder, pid: number | undefined): string | undefined {
  const status = pid === undefined ? undefined : readStatus(pid);
  if (status === undefined) return undefined;
  const path = join(roots, String(pid));
  try {
    writeFileSync(path, status.startTicks);
    return path;
  } catch {
    // The machine has just ended; the look that follows says so.
    return undefined;
  }
}

function isRunning(child: Child): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** An execution that never began. */
export function brokenExecution(reason: PlatformError): Execution {
  const exit = Promise.reject(reason);
  exit.catch(() => {});
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.resume();
  stdout.end();
  stderr.end();
  return { stdin, stdout, stderr, exit };
}

/** The machine is not up, or went away under an open execution. */
export function unreachableMachine(
  { platform, leaseId }: Pick<ChannelOptions, "platform" | "leaseId">,
  cause?: unknown,
): PlatformError {
  return new PlatformError("unreachable", `${platform}: machine ${leaseId} does not answer.`, {
    platform,
    operation: "exec",
    scope: "host",
    ...(cause === undefined ? {} : { cause }),
    hint: `Ask for the state of lease ${leaseId}: it has ended or is not up yet.`,
  });
}

/** The caller's signal fired. */
export function abortedExec({ platform, leaseId }: ChannelOptions): PlatformError {
  return new PlatformError("aborted", `${platform}: the command on ${leaseId} was cancelled.`, {
    platform,
    operation: "exec",
  });
}

/** Our own side closed the channel. */
export function closedChannel({ platform, leaseId }: ChannelOptions): PlatformError {
  return new PlatformError("unreachable", `${platform}: the channel to ${leaseId} was closed.`, {
    platform,
    operation: "exec",
  });
}
