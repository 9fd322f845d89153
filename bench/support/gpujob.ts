import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The committed entry of the built program. */
const binPath = resolve(import.meta.dirname, "../../packages/cli/bin/gpujob.js");

export interface CallResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A program that runs, and what it has said so far. */
export interface Call {
  readonly result: Promise<CallResult>;
  readonly out: () => string;
  readonly err: () => string;
  /** `performance.now()` at which stdout first held the text. Rejects when the program ends without it. */
  readonly sees: (text: string) => Promise<number>;
  /** Called with each piece of stdout as it comes. */
  readonly onOut: (hear: (text: string) => void) => void;
  readonly kill: (signal: NodeJS.Signals) => void;
}

export interface CallOptions {
  /** Holds the folder `state`, which is `GPUJOB_HOME`. */
  readonly home: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Killed after so long. @default 120 s */
  readonly timeoutMs?: number;
  /** Keep only this much of what it writes to stdout, from the beginning. @default all */
  readonly keepBytes?: number;
}

/** A folder that is gone when the process ends well; `use` gets its path. */
export async function inFolder<Value>(use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = await mkdtemp(join(tmpdir(), "gpujob-bench-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A home with a configuration, as one would write it by hand. */
export async function writeConfig(home: string, config: string): Promise<void> {
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  await writeFile(join(home, "state", "config.yaml"), config, { mode: 0o600 });
}

/** Starts the built program as a user would, without a terminal. */
export function startGpujob(argv: readonly string[], options: CallOptions): Call {
  const { home, cwd = home } = options;
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    GPUJOB_HOME: join(home, "state"),
    ...options.environment,
  };
  return startProgram([process.execPath, binPath, ...argv], {
    cwd,
    env,
    timeoutMs: options.timeoutMs ?? 120_000,
    ...(options.keepBytes === undefined ? {} : { keepBytes: options.keepBytes }),
  });
}

/** Runs the built program to its end; throws with its own words where it fails. */
export async function runGpujob(argv: readonly string[], options: CallOptions): Promise<string> {
  const { code, out, err } = await startGpujob(argv, options).result;
  if (code !== 0) throw new Error(`gpujob ${argv.join(" ")} ended with ${code}:\n${err}${out}`);
  return out;
}

/** Starts any program. */
export function startProgram(
  [file = "", ...words]: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly timeoutMs?: number;
    readonly keepBytes?: number;
  } = {},
): Call {
  const { timeoutMs = 120_000, keepBytes = Number.POSITIVE_INFINITY, ...rest } = options;
  let kept = 0;
  const child = spawn(file, words, { ...rest, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  const hearers = new Set<(text: string) => void>();
  child.stdout.on("data", (bytes: Buffer) => {
    if (kept < keepBytes) chunks.push(bytes);
    kept += bytes.length;
    for (const hear of hearers) hear(bytes.toString());
  });
  child.stderr.on("data", (bytes: Buffer) => errors.push(bytes));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const text = (all: readonly Buffer[]): string => Buffer.concat(all).toString();
  const result = new Promise<CallResult>((settle, fail) => {
    child.once("error", fail);
    child.once("close", (code) => {
      clearTimeout(timer);
      settle({ code, out: text(chunks), err: text(errors) });
    });
  });
  return {
    result,
    out: () => text(chunks),
    err: () => text(errors),
    sees: async (wanted) => {
      const seen = Promise.withResolvers<number>();
      const look = (): void => {
        if (!text(chunks).includes(wanted)) return;
        seen.resolve(performance.now());
        hearers.delete(look);
      };
      hearers.add(look);
      look();
      const ended = result.then(({ code, err }): never => {
        throw new Error(`${file} ended with ${code} before it said ${wanted}:\n${err}`);
      });
      return Promise.race([seen.promise, ended]);
    },
    onOut: (hear) => void hearers.add(hear),
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs any program to its end; throws with its own words where it fails. */
export async function runProgram(
  argv: readonly string[],
  options: Parameters<typeof startProgram>[1] = {},
): Promise<string> {
  const { code, out, err } = await startProgram(argv, options).result;
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}:\n${err}${out}`);
  return out;
}

/** Waits until something holds; bounded. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 60_000,
): Promise<void> {
  const endsAt = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endsAt) throw new Error(`${what} did not come true in ${limitMs} ms.`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
