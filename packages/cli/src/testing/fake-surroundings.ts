import type { Gpujob } from "@gpujob/sdk";
import type { Surroundings } from "../create-context.ts";
import { dispatch } from "../dispatch.ts";
import type { Output } from "../output.ts";
import type { Prompts } from "../prompts.ts";
import type { SignalName } from "../signals.ts";
import { createSignals } from "../signals.ts";

/** What a test decides about the process around a command line. */
export interface FakeProcess {
  readonly gpujob?: Partial<Gpujob>;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly prompts?: Partial<Prompts>;
  readonly cwd?: string;
}

/** A command line that is running. */
export interface FakeCall {
  readonly exitCode: Promise<number>;
  readonly out: () => string;
  readonly err: () => string;
  readonly signal: (name: SignalName) => void;
  /** The reader of stdout goes away. */
  readonly closeOut: () => void;
}

/** Thrown in place of ending the process. */
class ProcessExit extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** Starts a command line in this process, on a fake library. */
export function startLine(argv: readonly string[], fake: FakeProcess = {}): FakeCall {
  const out = captureOutput(fake);
  const err = captureOutput(fake);
  const listeners = new Map<SignalName, () => void>();
  let now = 0;
  let leave: (exitCode: number) => void = () => undefined;
  const left = new Promise<number>((resolve) => {
    leave = resolve;
  });
  const surroundings: Surroundings = {
    out: out.output,
    err: err.output,
    isInputTerminal: fake.isTerminal ?? false,
    environment: { TERM: "dumb", ...fake.environment },
    cwd: fake.cwd ?? "/work",
    signals: createSignals({
      subscribe: (name, listener) => listeners.set(name, listener),
      now: () => (now += 1000),
    }),
    prompts: {
      confirm: noAnswer,
      text: noAnswer,
      secret: noAnswer,
      choose: noAnswer,
      ...fake.prompts,
    },
    now: () => Date.parse("2026-11-24T12:00:00Z"),
    sleep: (_ms, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
        if (signal.aborted) reject(new Error("aborted"));
      }),
    driverCommand: ["node", "gpujob"],
    openSdk: async () => fakeGpujob(fake.gpujob ?? {}),
    exit: (exitCode) => {
      leave(exitCode);
      throw new ProcessExit(exitCode);
    },
  };
  return {
    exitCode: Promise.race([dispatch(argv, surroundings), left]),
    out: out.text,
    err: err.text,
    signal: (name) => listeners.get(name)?.(),
    closeOut: out.close,
  };
}

/** Runs a command line to its end. */
export async function runLine(
  argv: readonly string[],
  fake: FakeProcess = {},
): Promise<{ readonly exitCode: number; readonly out: string; readonly err: string }> {
  const call = startLine(argv, fake);
  const exitCode = await call.exitCode;
  return { exitCode, out: call.out(), err: call.err() };
}

/** A library that knows only what the test gives it. */
function fakeGpujob(parts: Partial<Gpujob>): Gpujob {
  const base: Partial<Gpujob> = {
    adoptOrphans: async () => [],
    close: async () => undefined,
    ...parts,
  };
  const handler: ProxyHandler<Partial<Gpujob>> = {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      // An awaited object is asked for `then`.
      if (value !== undefined || name === "then") return value;
      return () => Promise.reject(new Error(`The test gave no ${String(name)}.`));
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the proxy answers for every other method
  return new Proxy(base, handler) as Gpujob;
}

function captureOutput(fake: FakeProcess): {
  readonly output: Output;
  readonly text: () => string;
  readonly close: () => void;
} {
  const chunks: Buffer[] = [];
  const listeners: (() => void)[] = [];
  const isTerminal = fake.isTerminal ?? false;
  const output: Output = {
    isTerminal,
    columns: () => fake.columns ?? (isTerminal ? 80 : Number.POSITIVE_INFINITY),
    write: async (content) => {
      chunks.push(Buffer.from(content));
    },
    onGone: (listener) => {
      listeners.push(listener);
    },
    flush: async () => undefined,
  };
  return {
    output,
    text: () => Buffer.concat(chunks).toString("utf8"),
    close: () => {
      for (const listener of listeners) listener();
    },
  };
}

function noAnswer(): Promise<never> {
  return Promise.reject(new Error("The test gave no answer to this question."));
}
