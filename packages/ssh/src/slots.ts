/** A few places that many want, given out in order of asking. */
export interface Slots {
  /** Waits for a place; the answer gives it back, and may be called twice. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<() => void>;
  readonly taken: () => number;
  /** There is one place fewer than now are taken, but never none. */
  shrink(): void;
}

/** Makes `size` places. */
export function createSlots(size: number): Slots {
  let limit = size;
  let taken = 0;
  const waiting: (() => void)[] = [];
  const admit = (): void => {
    const next = taken < limit ? waiting.shift() : undefined;
    if (next === undefined) return;
    next();
    admit();
  };
  const hold = (): (() => void) => {
    taken += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      taken -= 1;
      admit();
    };
  };
  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const enter = (): void => {
          signal.removeEventListener("abort", leave);
          resolve(hold());
        };
        const leave = (): void => {
          const index = waiting.indexOf(enter);
          if (index >= 0) waiting.splice(index, 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", leave, { once: true });
        waiting.push(enter);
        admit();
        return undefined;
      }),
    taken: () => taken,
    shrink: () => {
      limit = Math.max(1, taken - 1);
    },
  };
}
