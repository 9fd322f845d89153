/** How a thing that many share is found or made: a network, a security group, a key. */
export interface FindOrMakeOptions<Found> {
  readonly find: () => Promise<Found | undefined>;
  readonly make: () => Promise<Found>;
  /** Does this error of `make` say that somebody else has made it meanwhile? */
  readonly isTaken: (error: unknown) => boolean;
}

/** Finds it, else makes it; of two that make it at once, the second finds the first one's. */
export async function findOrMake<Found>(options: FindOrMakeOptions<Found>): Promise<Found> {
  const found = await options.find();
  if (found !== undefined) return found;
  try {
    return await options.make();
  } catch (error) {
    const made = options.isTaken(error) ? await options.find() : undefined;
    if (made === undefined) throw error;
    return made;
  }
}
