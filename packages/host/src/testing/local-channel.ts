import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import type { Channel, ExecExit, Execution } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** A channel to this very computer, for tests; `sever` breaks the link as a lost network does. */
export interface LocalChannel extends Channel {
  sever(): void;
  /** Processes started so far. */
  readonly started: () => number;
}

/** Starts real processes with the given environment, each in a group of its own. */
export function openLocalChannel(environment: NodeJS.ProcessEnv): LocalChannel {
  const living = new Set<{ child: ChildProcess; break: (error: Error) => void }>();
  let started = 0;
  const killAll = (error: Error): void => {
    for (const entry of living) {
      killGroup(entry.child);
      entry.break(error);
    }
  };
  return {
    started: () => started,
    exec(argv, { signal }): Execution {
      started++;
      const [file = "", ...args] = argv;
      const child = spawn(file, args, { env: environment, detached: true, stdio: "pipe" });
      const ended = Promise.withResolvers<ExecExit>();
      const entry = { child, break: ended.reject };
      living.add(entry);
      const abort = (): void => {
        killGroup(child);
        ended.reject(new PlatformError("aborted", "aborted"));
      };
      signal.addEventListener("abort", abort, { once: true });
      child.on("error", (error) => ended.reject(new PlatformError("unreachable", String(error))));
      child.on("close", (code, name) => {
        ended.resolve({ ...(code === null ? {} : { code }), ...(name ? { signal: name } : {}) });
      });
      const exit = ended.promise.finally(() => {
        living.delete(entry);
        signal.removeEventListener("abort", abort);
      });
      exit.catch(() => undefined);
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit };
    },
    sever: () => killAll(new PlatformError("unreachable", "severed")),
    async close() {
      killAll(new PlatformError("unreachable", "closed"));
    },
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
