import type { Clock } from "@gpujob/spec";
import { isBusy, lockedError } from "./trouble.ts";

/** First and longest pause between two tries, in milliseconds. The event loop runs on in between. */
const pauseMs = { first: 10, longest: 250 } as const;

/** How long one call waits for another process's lock before it gives up, in milliseconds. */
const patienceMs = 60_000;

/** What the waiting for one file needs. */
export interface PatienceOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Ends every wait with its reason. */
  readonly signal: AbortSignal;
}

async function keepTrying<T>(attempt: () => T, options: PatienceOptions): Promise<T> {
  const { path, clock, signal } = options;
  const began = clock.monotonic();
  for (let pause: number = pauseMs.first; ; pause = Math.min(pause * 2, pauseMs.longest)) {
    signal.throwIfAborted();
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const waited = clock.monotonic() - began;
      if (waited >= patienceMs) throw lockedError(path, waited, error);
    }
    // An abort is noticed at the head of the loop, where it carries the reason.
    await clock.sleep(pause, { signal }).catch(() => undefined);
  }
}

/** Does `attempt` now, and again after pauses while another process's lock is in its way. */
export type Patience = <T>(attempt: () => T) => Promise<T>;

/**
 * Makes the patience of one kind of call. While one call waits the others stand in line behind it, in the order they
 * came, so that all of them together cost the event loop one short wait per pause. Each throws what its attempt
 * throws, or `GpujobError` of kind `store` when the lock is not free after a minute at the head of the line.
 */
export function createPatience(options: PatienceOptions): Patience {
  let line: Promise<unknown> | undefined;

  async function standInLine<T>(attempt: () => T): Promise<T> {
    const mine = (line ?? Promise.resolve()).then(() => keepTrying(attempt, options));
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    line = settled;
    try {
      return await mine;
    } finally {
      if (line === settled) line = undefined;
    }
  }

  return async (attempt) => {
    if (line !== undefined) return standInLine(attempt);
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      return standInLine(attempt);
    }
  };
}
