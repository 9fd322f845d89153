import type { Readable, Writable } from "node:stream";
import { PassThrough } from "node:stream";
import type { Channel, ExecExit } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { abortedError } from "../abort.ts";

/** The far end of one execution: what the program in memory reads and writes. */
export interface MemoryProcess {
  readonly argv: readonly string[];
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Fires when the near end aborts, the channel closes or the link is cut. */
  readonly signal: AbortSignal;
}

/** A channel in memory, with the hand that cuts it. */
export interface MemoryChannel {
  readonly channel: Channel;
  /** Argument vectors that were run, in order. */
  readonly calls: readonly (readonly string[])[];
  /** Breaks the link: every running execution rejects with `unreachable`, and so does every later one. */
  cut(): void;
}

const place = { platform: "memory", operation: "exec" };

/** A pair of ends in memory: the near one is a `Channel`, the far one is `program`, called once for each `exec`. */
export function createMemoryChannel(
  program: (process: MemoryProcess) => Promise<ExecExit>,
): MemoryChannel {
  const calls: (readonly string[])[] = [];
  const link = new AbortController();
  const closing = new AbortController();

  async function run(process: MemoryProcess, caller: AbortSignal): Promise<ExecExit> {
    const broken = new Promise<never>((_, reject) => {
      const refuse = (): void => reject(reasonFor(caller));
      if (process.signal.aborted) refuse();
      process.signal.addEventListener("abort", refuse, { once: true });
    });
    try {
      return await Promise.race([broken, program(process)]);
    } finally {
      process.stdout.end();
      process.stderr.end();
    }
  }

  const channel: Channel = {
    exec(argv, { signal }) {
      calls.push(argv);
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      const any = AbortSignal.any([signal, link.signal, closing.signal]);
      const exit = run({ argv, stdin, stdout, stderr, signal: any }, signal);
      exit.catch(() => {});
      return { stdin, stdout, stderr, exit };
    },
    async close() {
      closing.abort();
    },
  };
  return { channel, calls, cut: () => link.abort() };
}

function reasonFor(caller: AbortSignal): PlatformError {
  if (caller.aborted) return abortedError(place, caller.reason);
  return new PlatformError("unreachable", "memory: the link is gone.", place);
}
