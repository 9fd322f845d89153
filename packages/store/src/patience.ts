import type { Clock } from "@gpujob/spec";
import { isBusy, lockedError } from "./trouble.ts";

/** First and longest pause between two tries, in milliseconds. The event loop runs on in between. */
const pauseMs = { first: 10, longest: 250 } as const;

/** How long one call waits for another process's lock before it gives up, in milliseconds. */
const patienceMs = 60_000;

/** Tries again what failed only because another process held the lock. */
export interface Patience {
  /**
   * Does `attempt` now; while it is busy, again after a pause, in the order of arrival. Throws what it throws, or
   * `GpujobError` of kind `store` when the lock is not free after a minute.
   */
  run<T>(attempt: () => T): Promise<T>;
  /** Gives up every wait with the reason. */
  end(reason: Error): void;
}

/** Makes the waiting for one file. Calls wait in line, so that each try costs the event loop one short wait only. */
export function createPatience(path: string, clock: Clock): Patience {
  const ending = new AbortController();
  let line: Promise<unknown> | undefined;

  async function keepTrying<T>(attempt: () => T): Promise<T> {
    const began = clock.monotonic();
    for (let pause: number = pauseMs.first; ; pause = Math.min(pause * 2, pauseMs.longest)) {
      try {
        return attempt();
      } catch (error) {
        if (!isBusy(error)) throw error;
        const waited = clock.monotonic() - began;
        if (waited >= patienceMs) throw lockedError(path, waited, error);
        await clock.sleep(pause, { signal: ending.signal });
      }
    }
  }

  async function queue<T>(attempt: () => T): Promise<T> {
    const before = line;
    const mine =
      before === undefined ? keepTrying(attempt) : before.then(() => keepTrying(attempt));
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

  return {
    async run(attempt) {
      if (line !== undefined) return queue(attempt);
      try {
        return attempt();
      } catch (error) {
        if (!isBusy(error)) throw error;
        return queue(attempt);
      }
    },
    end: (reason) => ending.abort(reason),
  };
}
