import type { Clock } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** A signal that fires with the caller's, or when the deadline has passed. Call `done` at the end. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly done: () => void;
  /** Starts the time again: something has moved. */
  readonly restart: () => void;
}

/** Bounds an operation in time: an exec on a half-open link never answers. */
export function startDeadline(
  clock: Clock,
  ms: number,
  options: { readonly signal: AbortSignal; readonly operation: string },
): Deadline {
  const expired = new AbortController();
  let timer = new AbortController();
  let armedAt = 0;
  const arm = (): void => {
    timer.abort();
    const mine = new AbortController();
    timer = mine;
    armedAt = clock.monotonic();
    clock
      .sleep(ms, { signal: mine.signal })
      .then(() => expired.abort(timedOut(ms, options.operation)))
      .catch(() => undefined);
  };
  arm();
  return {
    signal: AbortSignal.any([options.signal, expired.signal]),
    done: () => timer.abort(),
    restart: () => {
      // Called for every piece of data: a new timer each time would cost more than the data.
      const isDue = timer.signal.aborted || clock.monotonic() - armedAt > ms / 20;
      if (isDue && !expired.signal.aborted) arm();
    },
  };
}

function timedOut(ms: number, operation: string): PlatformError {
  const seconds = Math.round(ms / 1000);
  return new PlatformError(
    "unreachable",
    `The machine did not answer within ${seconds} s (${operation}).`,
    { scope: "host", operation },
  );
}

/** Settles as `promise` does, or rejects as soon as the signal fires. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(toAborted(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
    promise.catch(() => undefined);
  }
}

/** The error of a fired signal: the deadline's own, else `aborted`. */
export function toAborted(signal: AbortSignal): PlatformError {
  const reason: unknown = signal.reason;
  return PlatformError.is(reason)
    ? reason
    : new PlatformError("aborted", "The operation was cancelled.", { cause: reason });
}
