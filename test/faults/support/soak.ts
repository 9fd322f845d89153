import { readdirSync, readlinkSync } from "node:fs";
import { createGpujob } from "@gpujob/sdk";
import { join } from "node:path";
import { forEachOf } from "./fault-home.ts";
import { fitLine } from "./line-fit.ts";
import type { LineFit } from "./line-fit.ts";
import {
  checkManyJobs,
  exitCodeOf,
  jobFile,
  makeManyJobs,
  makeRandom,
  pause,
} from "./many-jobs.ts";
import type { ManyJobs } from "./many-jobs.ts";

/** What the process looked like at rest between two rounds: none of its runs open, nothing of them on the way. */
export interface SoakSample {
  readonly atMs: number;
  /** Heap and buffers, after a collection where the process was started with `--expose-gc`. */
  readonly usedMib: number;
  readonly residentMib: number;
  /** Beside log files, of which a driver keeps up to 64 open. */
  readonly descriptors: number;
  readonly ended: number;
}

export interface SoakReport extends ManyJobs {
  readonly samples: readonly SoakSample[];
  /** Of these the first are warm-up and not part of what follows. */
  readonly settled: readonly SoakSample[];
  /** Growth of heap and buffers, in MiB. */
  readonly perHour: LineFit;
  readonly perThousandJobs: LineFit;
  /** Most less fewest descriptors at rest after warm-up. */
  readonly descriptorSpread: number;
}

/** Faults of every kind, each in one of so many calls or machines, by chance. */
function makeConfig(seed: number): string {
  const often = (step: number, fault: string): string =>
    `      - { rate: ${(1 / step).toFixed(4)}, ${fault} }`;
  const faults = [
    often(17, "on: create, do: error, kind: no_capacity"),
    often(23, "on: create, do: lose-reply"),
    often(29, "on: create, do: delay, by: 1s"),
    often(13, "on: release, do: ignore"),
    often(31, "on: release, do: error, kind: unavailable"),
    often(19, "on: list, do: lag, by: 5s"),
    often(37, "on: get, do: error, kind: rate_limited"),
    often(41, "on: get, do: stale, by: 2s"),
    often(43, "on: get, do: junk, as: html"),
    often(11, "on: lease, after: 300ms, do: die"),
    often(7, "on: lease, after: 300ms, do: interrupt, notice: 2s"),
  ].join("\n");
  // So many that a run never has all of them taken back from it: it would end, and rightly.
  const offers = (price: number): string =>
    ["spot", "on-demand", "spot", "on-demand", "spot", "on-demand"]
      .map(
        (market, index) =>
          `      - { type: t${index}, gpu: "RTX4090:24GB:1", price: ${price + index} CNY/h, market: ${market} }`,
      )
      .join("\n");
  const platform = (name: string, price: number): string => `  ${name}:
    adapter: mock
    boot: 200ms
    seed: ${seed}
    offers:
${offers(price)}
    faults:
${faults}
`;
  return `platforms:\n${platform("one", 1)}${platform("two", 3)}`;
}

/** The share of rounds that fill caches and compile code; what grows after them is a leak. */
const warmUpShare = 0.25;

/**
 * Drives so many mock jobs in this process, with faults on, in rounds of `parallel` jobs at once, and looks at the process
 * at rest after each.
 */
export async function playSoak(options: {
  readonly jobs: number;
  readonly parallel: number;
  readonly seed: number;
  readonly onSample?: (sample: SoakSample) => void;
}): Promise<SoakReport> {
  const { jobs, parallel } = options;
  const random = makeRandom(options.seed);
  const config = makeConfig(options.seed);
  const home = await makeManyJobs({ jobs, longestMs: 1500, random, config });
  const gpujob = createGpujob({
    home: join(home.home, "state"),
    cwd: home.cwd,
    environment: { HOME: home.home, PATH: process.env["PATH"] },
  });
  const samples: SoakSample[] = [];
  const problems: string[] = [];
  const { signal } = new AbortController();
  async function play(index: number): Promise<void> {
    const run = await gpujob.submit({ file: jobFile(index) }, { signal });
    const reading = run.events[Symbol.asyncIterator]();
    while ((await reading.next()).done !== true);
    const { exitCode, reason } = await run.result;
    if (exitCode !== exitCodeOf(index)) problems.push(`job ${index}: ${exitCode}: ${reason}`);
  }
  try {
    for (let first = 0; first < jobs; first += parallel) {
      const size = Math.min(parallel, jobs - first);
      const round = Array.from({ length: size }, (_, index) => first + index);
      await forEachOf(round, parallel, play);
      const sample = await readSample(first + size);
      samples.push(sample);
      options.onSample?.(sample);
    }
    await gpujob.close();
    const checked = await checkManyJobs(home, jobs);
    return judge(samples, { ...checked, problems: [...problems, ...checked.problems] });
  } finally {
    await gpujob.close();
    await home.remove();
  }
}

function judge(samples: readonly SoakSample[], played: ManyJobs): SoakReport {
  const settled = samples.slice(Math.ceil(samples.length * warmUpShare));
  const counts = settled.map(({ descriptors }) => descriptors);
  return {
    ...played,
    samples,
    settled,
    perHour: fitLine(settled.map(({ atMs, usedMib }) => [atMs / 3_600_000, usedMib])),
    perThousandJobs: fitLine(settled.map(({ ended, usedMib }) => [ended / 1000, usedMib])),
    descriptorSpread: Math.max(...counts) - Math.min(...counts),
  };
}

/** Timers and sockets that outlast a run by a moment are not what is looked for. */
const restMs = 1500;

async function readSample(ended: number): Promise<SoakSample> {
  await pause(restMs);
  // What the first collection lets go of may hold more, which goes with the second.
  globalThis.gc?.();
  await pause(100);
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    atMs: performance.now(),
    usedMib: (heapUsed + external) / 2 ** 20,
    residentMib: rss / 2 ** 20,
    descriptors: readdirSync("/proc/self/fd").filter(isOther).length,
    ended,
  };
}

function isOther(descriptor: string): boolean {
  try {
    return !/\/logs\/\d+-\d+\.log$/.test(readlinkSync(`/proc/self/fd/${descriptor}`));
  } catch {
    return false;
  }
}
