import type { Random } from "./random.ts";

/** Whose wait it is: a driver's process may be dead or stopped when its time comes. */
export interface Owner {
  readonly isDead: () => boolean;
  /** Milliseconds of the timeline until which the process does nothing. */
  readonly stoppedUntil: () => number;
}

/** Simulated time. Nothing here touches real time: the whole history runs as fast as its promises settle. */
export interface Timeline {
  /** Milliseconds since the beginning. */
  now(): number;
  /** Something that the world does at a time, whoever drives. */
  at(atMs: number, action: () => void): void;
  /** Rejects with the signal's reason when that fires first; never settles for a dead owner. */
  sleep(
    ms: number,
    options: { readonly signal?: AbortSignal; readonly owner?: Owner },
  ): Promise<void>;
  /** Lets time pass until `isOver` says so or `endMs` is reached, at the latest when nobody waits any more. */
  run(isOver: () => boolean, endMs: number): Promise<void>;
  /** How many waits have ended. */
  turns(): number;
}

interface Sleeper {
  dueMs: number;
  /** Among equal times the order is random, and the same for the same seed. */
  tie: number;
  isGone: boolean;
  readonly owner: Owner | undefined;
  readonly wake: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A clock that jumps from wait to wait once every promise has settled. */
export function createTimeline(random: Random): Timeline {
  const heap: Sleeper[] = [];
  const bySignal = new WeakMap<AbortSignal, Set<Sleeper>>();
  let nowMs = 0;
  let turns = 0;

  /** One listener per signal, however many wait under it: adding one costs more than everything else here. */
  function sleepersOf(signal: AbortSignal): Set<Sleeper> {
    const known = bySignal.get(signal);
    if (known !== undefined) return known;
    const sleepers = new Set<Sleeper>();
    bySignal.set(signal, sleepers);
    const stop = (): void => {
      for (const sleeper of sleepers) {
        sleeper.isGone = true;
        sleeper.reject(signal.reason);
      }
      sleepers.clear();
    };
    signal.addEventListener("abort", stop, { once: true });
    return sleepers;
  }

  function add(dueMs: number, details: Pick<Sleeper, "owner" | "wake" | "reject">): Sleeper {
    const sleeper = { dueMs, tie: random.next(), isGone: false, ...details };
    push(heap, sleeper);
    return sleeper;
  }

  /** The next that may wake; one whose owner is stopped is put off to the moment when it goes on. */
  function next(): Sleeper | undefined {
    for (;;) {
      const sleeper = pop(heap);
      if (sleeper === undefined) return undefined;
      if (sleeper.isGone || sleeper.owner?.isDead() === true) continue;
      const resumesAt = sleeper.owner?.stoppedUntil() ?? 0;
      if (resumesAt <= Math.max(nowMs, sleeper.dueMs)) return sleeper;
      sleeper.dueMs = resumesAt;
      push(heap, sleeper);
    }
  }

  return {
    now: () => nowMs,
    turns: () => turns,
    at(atMs, action) {
      add(Math.max(nowMs, atMs), { owner: undefined, wake: action, reject: () => undefined });
    },
    sleep(ms, { signal, owner }) {
      if (signal?.aborted === true) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const sleepers = signal === undefined ? undefined : sleepersOf(signal);
        const sleeper = add(nowMs + Math.max(0, ms), {
          owner,
          reject,
          wake() {
            sleepers?.delete(sleeper);
            resolve();
          },
        });
        sleepers?.add(sleeper);
      });
    },
    run: (isOver, endMs) =>
      new Promise((resolve, reject) => {
        // A tick asked for by a promise job comes after the last of them, and costs a fraction of a turn of the event loop.
        const afterPromises = (): void => queueMicrotask(() => process.nextTick(tick));
        const tick = (): void => {
          try {
            if (isOver()) return resolve();
            const sleeper = next();
            if (sleeper === undefined || sleeper.dueMs > endMs) {
              if (sleeper !== undefined) push(heap, sleeper);
              nowMs = Math.max(nowMs, endMs);
              return resolve();
            }
            turns += 1;
            nowMs = Math.max(nowMs, sleeper.dueMs);
            sleeper.wake();
            afterPromises();
          } catch (error) {
            reject(error);
          }
        };
        afterPromises();
      }),
  };
}

function isBefore(one: Sleeper, other: Sleeper): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.tie < other.tie);
}

function push(heap: Sleeper[], sleeper: Sleeper): void {
  let index = heap.length;
  heap.push(sleeper);
  while (index > 0) {
    const above = (index - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(sleeper, parent)) break;
    heap[index] = parent;
    index = above;
  }
  heap[index] = sleeper;
}

function pop(heap: Sleeper[]): Sleeper | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let index = 0;
  for (;;) {
    const left = heap[2 * index + 1];
    const right = heap[2 * index + 2];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left);
    const least = isRight ? right : left;
    if (!isBefore(least, last)) break;
    heap[index] = least;
    index = 2 * index + (isRight ? 2 : 1);
  }
  heap[index] = last;
  return first;
}
