import type { HostProbe, Offer, ProbedCard } from "@gpujob/spec";

/** A figure that a card of some kind usually reaches. */
export interface UsualRate {
  readonly value: number;
  /** Where it is from, such as `the median of 7 of your own`. */
  readonly source: string;
}

/** What cards of an offer usually reach; absent: not known. */
export interface UsualRates {
  readonly tflops?: UsualRate;
  readonly memoryGBps?: UsualRate;
}

export interface ProbeVerdict {
  /** Why the machine is given back, as parts of a sentence; none: it is kept. */
  readonly problems: readonly string[];
  /** What was measured, in one sentence, and what could not be. */
  readonly notes: readonly string[];
}

/** A card that reaches less than this of what is usual is not what was sold. */
const leastShare = 0.95;
/** The windows may differ by this much: their standard deviation over their mean. */
const mostFluctuation = 0.02;
/** The memory of a card may read this much below what is sold: 24 GB cards show 22.4 GiB. */
const vramTolerance = 0.07;
/** Fewer windows than this say nothing about fluctuation. */
const fewestWindows = 5;

/**
 * Holds what a machine was measured to do against what was sold and what cards of its kind usually do. Only a measured
 * figure condemns a machine; what could not be measured is said, and counts for nothing.
 */
export function judgeProbe(
  probe: HostProbe,
  offer: Pick<Offer, "gpu">,
  usual: UsualRates,
): ProbeVerdict {
  const { gpu } = offer;
  const problems: string[] = [];
  if (gpu !== undefined && probe.cards.length > 0 && probe.cards.length < gpu.count)
    problems.push(`only ${probe.cards.length} of ${gpu.count} cards can be used`);
  for (const card of probe.cards) problems.push(...judgeCard(card, gpu?.vramGib, usual));
  return { problems, notes: [sayMeasured(probe), ...sayUnmeasured(probe, usual)] };
}

function judgeCard(
  card: ProbedCard,
  soldGib: number | undefined,
  usual: UsualRates,
): readonly string[] {
  const name = `card ${card.index}`;
  const problems: string[] = [];
  const { vramGib, powerLimitWatts: limit, usualPowerLimitWatts: usualLimit } = card;
  if (soldGib !== undefined && vramGib !== undefined && vramGib < soldGib * (1 - vramTolerance))
    problems.push(`${name} has ${vramGib.toFixed(1)} GiB, ${soldGib} were sold`);
  if (limit !== undefined && usualLimit !== undefined && limit < usualLimit * leastShare)
    problems.push(`the power of ${name} is capped at ${limit} W, ${usualLimit} W are usual`);
  for (const reason of card.slowedBy) problems.push(`${name} was slowed down by ${reason}`);
  const fluctuation = fluctuationOf(card.windowTflops);
  if (fluctuation !== undefined && fluctuation > mostFluctuation)
    problems.push(
      `the rate of ${name} fluctuates by ${percent(fluctuation)}, the line is ${percent(mostFluctuation)}`,
    );
  const low = (value: number | undefined, rate: UsualRate | undefined, what: string): void => {
    if (value === undefined || rate === undefined || value >= rate.value * leastShare) return;
    problems.push(
      `${what} of ${name} is ${percent(value / rate.value)} of what is usual (${rate.source})`,
    );
  };
  low(matrixRate(card), usual.tflops, "the matrix rate");
  low(card.memoryGBps, usual.memoryGBps, "the memory bandwidth");
  return problems;
}

/** Mean of the windows in TFLOPS; `undefined`: none was measured. */
export function matrixRate({ windowTflops }: ProbedCard): number | undefined {
  return windowTflops.length === 0 ? undefined : mean(windowTflops);
}

/** Standard deviation of the windows over their mean; `undefined`: too few were measured. */
function fluctuationOf(windows: readonly number[]): number | undefined {
  if (windows.length < fewestWindows) return undefined;
  const middle = mean(windows);
  if (middle <= 0) return undefined;
  const squares = windows.map((each) => (each - middle) ** 2);
  return Math.sqrt(mean(squares)) / middle;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

/** The figures of all cards in one sentence; of several the lowest, since a training waits for the slowest. */
function sayMeasured(probe: HostProbe): string {
  const lowest = (values: readonly (number | undefined)[]): number | undefined => {
    const known = values.filter((value) => value !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  };
  const { cards } = probe;
  const swing = cards.map(({ windowTflops }) => fluctuationOf(windowTflops) ?? 0);
  const tflops = lowest(cards.map(matrixRate));
  const memory = lowest(cards.map(({ memoryGBps }) => memoryGBps));
  const into = lowest(cards.map(({ inGBps }) => inGBps));
  const out = lowest(cards.map(({ outGBps }) => outGBps));
  const parts = [
    ...(tflops === undefined
      ? []
      : [`matrices ${round(tflops)} TFLOPS ± ${percent(Math.max(...swing))}`]),
    ...(memory === undefined ? [] : [`memory ${round(memory)} GB/s`]),
    ...(into === undefined || out === undefined
      ? []
      : [`link ${round(into)} GB/s in, ${round(out)} GB/s out`]),
    ...(probe.allReduceGBps === undefined ? [] : [`all-reduce ${round(probe.allReduceGBps)} GB/s`]),
    ...(probe.diskWriteMBps === undefined
      ? []
      : [`disk ${round(probe.diskWriteMBps)} MB/s written`]),
    ...(probe.diskReadMBps === undefined ? [] : [`${round(probe.diskReadMBps)} MB/s read`]),
    ...probe.downloads.map(({ name, mbps }) => `${name} ${round(mbps)} Mbit/s`),
    ...(probe.driver === undefined ? [] : [`driver ${probe.driver}`]),
  ];
  return parts.length === 0 ? "Nothing could be measured." : `Measured: ${parts.join(", ")}.`;
}

function sayUnmeasured({ unmeasured, cards }: HostProbe, usual: UsualRates): readonly string[] {
  const unknown =
    cards.some((card) => matrixRate(card) !== undefined) && usual.tflops === undefined
      ? [
          "Nothing is known of what such cards usually reach, so their rate was held against nothing.",
        ]
      : [];
  return [...unmeasured.map((what) => `Not measured: ${what}.`), ...unknown];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
