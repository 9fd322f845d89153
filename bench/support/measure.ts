/** The middle of some numbers; of an even count the mean of both middles. Throws when there is none. */
export function median(values: readonly number[]): number {
  return (percentile(values, 0.5, Math.floor) + percentile(values, 0.5, Math.ceil)) / 2;
}

/** The value that a share of all values does not exceed, by the nearest rank. Throws when there is none. */
export function percentile(
  values: readonly number[],
  share: number,
  round: (position: number) => number = Math.ceil,
): number {
  const sorted = values.toSorted((left, right) => left - right);
  const value = sorted[round((sorted.length - 1) * share)];
  if (value === undefined) throw new Error("Nothing was measured.");
  return value;
}

/** Milliseconds that something takes. */
export async function timeOf(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

/**
 * Does several things in turn, again and again, so that what else the machine does meets them all alike. An action may
 * measure itself and return milliseconds. Gives every time in milliseconds by name.
 */
export async function sideBySide<Name extends string>(
  rounds: number,
  actions: Readonly<Record<Name, (round: number) => Promise<number | void>>>,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a record with exactly these keys
  const names = Object.keys(actions) as Name[];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a record with exactly these keys
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >;
  for (let round = 0; round < rounds; round += 1) {
    // Every second round backwards: nobody is always the one behind the heaviest.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      let own: number | void = undefined;
      const whole = await timeOf(async () => (own = await actions[name](round)));
      times[name].push(typeof own === "number" ? own : whole);
    }
  }
  return times;
}

/** `152 ms (140–171, 15 rounds)`. */
export function describeTimes(name: string, times: readonly number[]): string {
  const show = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));
  const [least, most] = [Math.min(...times), Math.max(...times)];
  return `${name} ${show(median(times))} ms (${show(least)}–${show(most)}, n=${times.length})`;
}

/** How often one median is in another. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours) / median(theirs);
}
