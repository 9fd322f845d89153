import type { Clock } from "@gpujob/spec";
import { aborted } from "./errors.ts";

/**
 * The outcome of `work`, or an error: `onLate()` once `ms` are over, `aborted` once the signal fires. What `work` does after
 * that goes unheard, so it needs an end of its own.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  options: {
    readonly clock: Clock;
    readonly ms: number;
    readonly what: string;
    readonly onLate: () => Error;
    readonly signal: AbortSignal;
  },
): Promise<T> {
  const { clock, ms, what, onLate, signal } = options;
  if (signal.aborted) throw aborted(what, signal);
  const over = new AbortController();
  const late = clock.sleep(ms, { signal: over.signal }).then(
    () => Promise.reject(onLate()),
    () => new Promise<never>(() => undefined),
  );
  const cancelled = new Promise<never>((_resolve, reject) => {
    const cancel = (): void => reject(aborted(what, signal));
    signal.addEventListener("abort", cancel, { once: true, signal: over.signal });
  });
  try {
    return await Promise.race([work, late, cancelled]);
  } finally {
    over.abort();
  }
}
