/** Runs work under a name one after the other. */
export type Queue = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * Of members of a gang that look for the same network at once the first makes it, and the others find it: names of
 * networks and groups are not unique here, so that the platform would make several.
 */
export function createQueue(): Queue {
  const tails = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const mine = (tails.get(name) ?? Promise.resolve()).then(work);
    const tail = mine.catch(() => undefined);
    tails.set(name, tail);
    try {
      return await mine;
    } finally {
      if (tails.get(name) === tail) tails.delete(name);
    }
  };
}
