/** One piece of writing and whoever waits for it. */
interface Entry {
  /** Writes; the answer tells its caller, once what it wrote is on the disk. */
  readonly write: () => () => void;
  readonly fail: (error: unknown) => void;
}

/** Writes of one transaction; each either wrote all that it had to write, or nothing. */
export type WriteTogether = (
  writes: readonly (() => () => void)[],
) => Promise<readonly (PromiseFulfilledResult<() => void> | PromiseRejectedResult)[]>;

export interface WriteGroup {
  add<T>(write: () => T): Promise<T>;
  /** Begins to write what waits. */
  flush(): void;
}

/** So that neither the event loop nor another process waits long for one transaction. */
const mostTogether = 200;

/**
 * Writes that come in one turn of the event loop wait for the disk together: a thousand locks are a few writes of the disk
 * and not a thousand. `gather` calls back when the turn is over.
 */
export function createWriteGroup(
  writeTogether: WriteTogether,
  gather: (flush: () => void) => void,
): WriteGroup {
  let waiting: Entry[] = [];

  function flush(): void {
    const entries = waiting;
    waiting = [];
    for (let index = 0; index < entries.length; index += mostTogether)
      void settle(entries.slice(index, index + mostTogether));
  }

  async function settle(entries: readonly Entry[]): Promise<void> {
    try {
      const results = await writeTogether(entries.map(({ write }) => write));
      for (const [index, result] of results.entries()) {
        if (result.status === "fulfilled") result.value();
        else entries[index]?.fail(result.reason);
      }
    } catch (error) {
      const [only, ...others] = entries;
      // What one of them met, the others need not meet.
      if (others.length > 0) for (const entry of entries) await settle([entry]);
      else only?.fail(error);
    }
  }

  return {
    add<T>(write: () => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const entry: Entry = {
          write: () => {
            const value = write();
            return () => resolve(value);
          },
          fail: reject,
        };
        waiting.push(entry);
        if (waiting.length === 1) gather(flush);
      });
    },
    flush,
  };
}
