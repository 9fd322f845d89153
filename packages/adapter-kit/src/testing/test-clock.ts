import type { Clock } from "@gpujob/spec";

/** A clock that moves only when told to, or, with `auto`, as soon as everybody waits. */
export interface TestClock extends Clock {
  /** Moves time on, waking sleepers in the order of their due times and letting their work run in between. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as a corrected system clock would. */
  jumpWall(ms: number): void;
  /** How many sleeps are waiting. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/**
 * Simulated time for tests.
 *
 * `startMs` is the first wall-clock time in epoch milliseconds. With `auto`, the clock jumps to the next due sleep once
 * the event loop has nothing else to do: for code whose only waits are this clock's; real I/O is not waited for.
 */
export function createTestClock(
  options: { readonly startMs?: number; readonly auto?: boolean } = {},
): TestClock {
  let elapsedMs = 0;
  let wallOffsetMs = options.startMs ?? Date.UTC(2026, 10, 1);
  let order = 0;
  let isTicking = false;
  const waiting = new Set<Sleeper>();

  function next(untilMs: number): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of waiting) {
      if (sleeper.dueMs > untilMs) continue;
      const isEarlier =
        first === undefined ||
        sleeper.dueMs < first.dueMs ||
        (sleeper.dueMs === first.dueMs && sleeper.order < first.order);
      if (isEarlier) first = sleeper;
    }
    return first;
  }

  function wake(sleeper: Sleeper): void {
    waiting.delete(sleeper);
    elapsedMs = Math.max(elapsedMs, sleeper.dueMs);
    sleeper.wake();
  }

  async function tick(): Promise<void> {
    isTicking = true;
    while (waiting.size > 0) {
      await settle();
      const sleeper = next(Number.POSITIVE_INFINITY);
      if (sleeper !== undefined) wake(sleeper);
    }
    isTicking = false;
  }

  return {
    now: () => wallOffsetMs + elapsedMs,
    monotonic: () => elapsedMs,
    sleep(ms, { signal }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const sleeper: Sleeper = { dueMs: elapsedMs + Math.max(0, ms), order: order++, wake: done };
        function done(): void {
          signal.removeEventListener("abort", stop);
          resolve();
        }
        function stop(): void {
          waiting.delete(sleeper);
          reject(signal.reason);
        }
        waiting.add(sleeper);
        signal.addEventListener("abort", stop, { once: true });
        if (options.auto === true && !isTicking) void tick();
      });
    },
    async advance(ms) {
      const untilMs = elapsedMs + ms;
      await settle();
      for (let sleeper = next(untilMs); sleeper !== undefined; sleeper = next(untilMs)) {
        wake(sleeper);
        await settle();
      }
      elapsedMs = Math.max(elapsedMs, untilMs);
    },
    jumpWall(ms) {
      wallOffsetMs += ms;
    },
    get sleepers() {
      return waiting.size;
    },
  };
}

/** Lets everything run that waits for no clock: a few turns of the event loop, for chains of promises and events. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
