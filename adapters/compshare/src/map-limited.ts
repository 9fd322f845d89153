/** The results of `work` on every item, in order, with at most `limit` of them on their way. The first failure ends it. */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Map<number, Result>();
  const queue = items.entries();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (hasFailed) return;
      results.set(index, await work(item));
    }
  };
  try {
    await Promise.all(Array.from({ length: limit }, worker));
  } finally {
    hasFailed = true;
  }
  return [...results.entries()]
    .toSorted(([one], [other]) => one - other)
    .map(([, result]) => result);
}
