import { PassThrough } from "node:stream";
import type { Execution } from "@gpujob/spec";

/** An execution whose start is still under way: what is written waits, and the streams connect once it is there. */
export function lazyExecution(starting: Promise<Execution>): Execution {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exit = starting.then(
    (execution) => {
      stdin.pipe(execution.stdin);
      execution.stdout.pipe(stdout);
      execution.stderr.pipe(stderr);
      return execution.exit.finally(() => {
        stdout.end();
        stderr.end();
      });
    },
    (error: unknown) => {
      stdout.destroy();
      stderr.destroy();
      throw error;
    },
  );
  exit.catch(() => undefined);
  return { stdin, stdout, stderr, exit };
}
