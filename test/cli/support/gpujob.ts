import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";

/** The committed entry of the program, or `GPUJOB_TEST_BIN`: one that was installed, or that no build changes meanwhile. */
export const binPath =
  process.env["GPUJOB_TEST_BIN"] ??
  resolve(import.meta.dirname, "../../../packages/cli/bin/gpujob.js");

/** How a call ended, and what it wrote. */
export interface CallResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface CallOptions {
  readonly home: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Killed after so long, in milliseconds. @default 60 s */
  readonly timeoutMs?: number;
  /** Stops reading stdout after its first bytes. */
  readonly closesOut?: boolean;
}

/** A running call. */
export interface Call {
  readonly result: Promise<CallResult>;
  readonly out: () => string;
  readonly err: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** A fresh folder that is removed with the test. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gpujob-cli-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts the built program without a terminal, with nothing of this process's environment but the way to programs. */
export function startGpujob(argv: readonly string[], options: CallOptions): Call {
  if (!existsSync(resolve(binPath, "../../dist/main.js"))) {
    throw new Error("The program is not built: npm run build comes first.");
  }
  const { home, cwd = home, environment = {}, timeoutMs = 60_000, closesOut = false } = options;
  const child = spawn(process.execPath, [binPath, ...argv], {
    cwd,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      GPUJOB_HOME: join(home, "state"),
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => {
    out.push(bytes);
    if (closesOut) child.stdout.destroy();
  });
  child.stderr.on("data", (bytes: Buffer) => err.push(bytes));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString("utf8");
  return {
    result: new Promise((settle, fail) => {
      child.once("error", fail);
      child.once("close", (code, signal) => {
        clearTimeout(timer);
        settle({ code, signal, out: text(out), err: text(err) });
      });
    }),
    out: () => text(out),
    err: () => text(err),
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

/** Runs the built program to its end. */
export function runGpujob(argv: readonly string[], options: CallOptions): Promise<CallResult> {
  return startGpujob(argv, options).result;
}
