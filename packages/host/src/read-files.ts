import type { Clock, Execution } from "@gpujob/spec";
import { GpujobError, PlatformError } from "@gpujob/spec";
import { startDeadline, toAborted } from "./deadline.ts";
import { toBuffer } from "./streams.ts";

const stallMs = 60_000;

/** The first `bytes` bytes that a process on the machine prints. Fewer, with the link whole: the file changed. */
export async function* readFrom(
  start: (wait: { readonly signal: AbortSignal }) => Promise<Execution>,
  bytes: number,
  options: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onBroken: () => void;
  },
): AsyncGenerator<Uint8Array> {
  if (bytes <= 0) return;
  const stop = new AbortController();
  const deadline = startDeadline(options.clock, stallMs, {
    signal: AbortSignal.any([options.signal, stop.signal]),
    operation: "read",
  });
  let left = bytes;
  try {
    const execution = await start({ signal: deadline.signal });
    execution.stderr.resume();
    for await (const chunk of execution.stdout) {
      const part = toBuffer(chunk).subarray(0, left);
      left -= part.length;
      // The reader may take its time: its disk may be full.
      deadline.done();
      yield part;
      if (left === 0) return;
      deadline.restart();
    }
    const exit = await execution.exit;
    if (exit.code === undefined) throw new Error(`ended by ${exit.signal ?? "nobody knows what"}`);
    throw new GpujobError("not_found", "A file on the machine is gone or became shorter.", {
      scope: "host",
      operation: "read",
    });
  } catch (error) {
    if (options.signal.aborted) throw toAborted(options.signal);
    if (GpujobError.is(error) && !PlatformError.is(error)) throw error;
    options.onBroken();
    if (deadline.signal.aborted) throw toAborted(deadline.signal);
    throw new PlatformError("unreachable", "The link broke while a file was read.", {
      scope: "host",
      operation: "read",
      cause: error,
    });
  } finally {
    deadline.done();
    stop.abort();
  }
}
