import type { Clock } from "@gpujob/spec";
import type { Place } from "./abort.ts";
import { abortedError, throwIfAborted } from "./abort.ts";

/** A limit on how long something may take. */
export interface Deadline {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly place: Place;
  /** The error for running out of time. */
  readonly lateError: () => Error;
  /** The error for being cancelled on the way. @default `aborted` */
  readonly stoppedError?: () => Error;
}

/**
 * Runs work with a time limit. It ends at the limit or at the abort even when the work ignores its signal; what the work
 * does after that is nobody's business any more.
 */
export async function runWithDeadline<T>(
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, timeoutMs, signal, place } = deadline;
  throwIfAborted(signal, place);
  const late = new AbortController();
  const timer = new AbortController();
  let refuse: (error: Error) => void = () => {};
  const ended = new Promise<never>((_, reject) => (refuse = reject));
  const stop = (): void => refuse(deadline.stoppedError?.() ?? abortedError(place, signal.reason));
  signal.addEventListener("abort", stop, { once: true });
  const runOut = async (): Promise<void> => {
    await clock.sleep(timeoutMs, { signal: timer.signal });
    const error = deadline.lateError();
    refuse(error);
    late.abort(error);
  };
  // Rejects when the work was done in time.
  runOut().catch(() => {});
  const working = work(AbortSignal.any([signal, late.signal]));
  working.catch(() => {});
  try {
    return await Promise.race([ended, working]);
  } finally {
    timer.abort();
    signal.removeEventListener("abort", stop);
  }
}
