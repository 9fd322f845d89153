import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** A running child: what it said, line by line, and the ways to deal with it. */
export interface Child {
  readonly pid: number;
  /** The next line it prints, parsed; undefined after the last. */
  next(): Promise<unknown>;
  /** Everything it still prints. */
  rest(): Promise<unknown[]>;
  tell(line: string): void;
  /** Sends a signal; `SIGKILL` when nothing else is said. */
  signal(name?: NodeJS.Signals): void;
  /** Resolves once it is gone. */
  readonly gone: Promise<unknown>;
}

const childFile = fileURLToPath(new URL("child.ts", import.meta.url));

/** The command line of a child that does one task. */
export function childCommand(...words: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, "--conditions=@gpujob/source", childFile, ...words];
}

/** Starts a command; the test kills what it has started when it ends. */
export function startChild([file, ...words]: readonly [string, ...string[]]): Child {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(file, words, {
    stdio: ["pipe", "pipe", "inherit"],
  });
  // A child that is killed takes no more input; that is no error of the test.
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    return line.done === true ? undefined : JSON.parse(line.value);
  };
  return {
    pid: child.pid ?? 0,
    next,
    async rest() {
      const all: unknown[] = [];
      for (let line = await next(); line !== undefined; line = await next()) all.push(line);
      return all;
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    signal: (name = "SIGKILL") => void child.kill(name),
    gone: once(child, "exit"),
  };
}
