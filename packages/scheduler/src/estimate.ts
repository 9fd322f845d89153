/** How often something happened among so many times. */
export interface Tally {
  readonly times: number;
  readonly of: number;
}

/** What is believed before anything was seen, as if it had been seen `strength` times. */
export interface Prior {
  /** From 0 to 1. */
  readonly share: number;
  readonly strength: number;
}

/**
 * The share to reckon with: the mean of the posterior of a Beta distribution. Few samples move it little: with a strength
 * of 10, one failure of one takes 0.95 to 0.86, not to 0.
 */
export function believedShare({ times, of }: Tally, prior: Prior): number {
  return (times + prior.share * prior.strength) / (of + prior.strength);
}

/** 95 of 100 intervals made like this hold the true share. */
const z = 1.959964;

/**
 * Wilson's score interval of 95 % around a share: honest with few samples, where the plain one is not (1 of 1 is 21 to
 * 100 %). Without any sample it is all there is.
 */
export function shareInterval({ times, of }: Tally): {
  readonly low: number;
  readonly high: number;
} {
  if (of === 0) return { low: 0, high: 1 };
  const share = times / of;
  const center = share + z ** 2 / (2 * of);
  const spread = z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2));
  const scale = 1 + z ** 2 / of;
  return {
    low: Math.max(0, (center - spread) / scale),
    high: Math.min(1, (center + spread) / scale),
  };
}

/** Something that happens at random at a steady rate, counted over a time. */
export interface RateTally {
  readonly times: number;
  readonly hours: number;
}

/** The rate to reckon with, per hour: the mean of a Gamma posterior whose prior is one event in `priorHours`. */
export function believedRate({ times, hours }: RateTally, priorHours: number): number {
  return (times + 1) / (hours + priorHours);
}

/** Byar's approximation of the exact Poisson interval of 95 %, per hour; good to a few percent from one event on. */
export function rateInterval({ times, hours }: RateTally): {
  readonly low: number;
  readonly high: number;
} {
  if (hours <= 0) return { low: 0, high: Number.POSITIVE_INFINITY };
  const edge = (count: number, side: number): number =>
    count * (1 - 1 / (9 * count) + (side * z) / (3 * Math.sqrt(count))) ** 3;
  return {
    low: times === 0 ? 0 : edge(times, -1) / hours,
    high: edge(times + 1, 1) / hours,
  };
}

/** The middle value; `undefined` of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}
