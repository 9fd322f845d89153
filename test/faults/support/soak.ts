import { readdirSync, readlinkSync } from "node:fs";
import { createGpujob } from "@gpujob/sdk";
import { join } from "node:path";
import { forEachOf } from "./fault-home.ts";
import { checkManyJobs, exitCodeOf, jobFile, makeManyJobs, makeRandom } from "./many-jobs.ts";

/** What one process looked like while it drove many runs. */
export interface SoakSample {
  readonly atMs: number;
  /** After a collection where the process was started with `--expose-gc`. */
  readonly heapMib: number;
  readonly residentMib: number;
  /** Beside log files, of which a driver keeps up to 64 open. */
  readonly descriptors: number;
  readonly ended: number;
}

export interface SoakReport {
  readonly samples: readonly SoakSample[];
  readonly problems: readonly string[];
  /** Growth of the heap after the first fifth of all jobs, in MiB for each hour and for each 1,000 jobs. */
  readonly heapMibPerHour: number;
  readonly heapMibPerThousand: number;
}

/** Faults of every kind, each at every so many calls or machines. */
function makeConfig(jobs: number): string {
  const every = (step: number, fault: string): readonly string[] =>
    Array.from(
      { length: Math.floor((2 * jobs) / step) },
      (_, index) => `      - { nth: ${(index + 1) * step}, ${fault} }`,
    );
  const faults = [
    ...every(17, "on: create, do: error, kind: no_capacity"),
    ...every(23, "on: create, do: lose-reply"),
    ...every(29, "on: create, do: delay, by: 1s"),
    ...every(13, "on: release, do: ignore"),
    ...every(31, "on: release, do: error, kind: unavailable"),
    ...every(19, "on: list, do: lag, by: 5s"),
    ...every(37, "on: get, do: error, kind: rate_limited"),
    ...every(11, "on: lease, after: 300ms, do: die"),
    ...every(7, "on: lease, after: 300ms, do: interrupt, notice: 2s"),
  ].join("\n");
  const platform = (name: string, price: number): string => `  ${name}:
    adapter: mock
    boot: 200ms
    offers:
      - { type: a, gpu: "RTX4090:24GB:1", price: ${price} CNY/h, market: spot }
      - { type: b, gpu: "RTX4090:24GB:1", price: ${price + 1} CNY/h }
    faults:
${faults}
`;
  return `platforms:\n${platform("one", 1)}${platform("two", 3)}`;
}

/** Drives so many mock jobs in this process, with faults on, and looks at the process all the while. */
export async function playSoak(options: {
  readonly jobs: number;
  readonly parallel: number;
  readonly seed: number;
  readonly sampleMs: number;
  readonly onSample?: (sample: SoakSample) => void;
}): Promise<SoakReport> {
  const random = makeRandom(options.seed);
  const config = makeConfig(options.jobs);
  const home = await makeManyJobs({ jobs: options.jobs, longestMs: 1500, random, config });
  const gpujob = createGpujob({
    home: join(home.home, "state"),
    cwd: home.cwd,
    environment: { HOME: home.home, PATH: process.env["PATH"] },
  });
  const samples: SoakSample[] = [];
  let ended = 0;
  const look = (): void => {
    const sample = readSample(ended);
    samples.push(sample);
    options.onSample?.(sample);
  };
  look();
  const timer = setInterval(look, options.sampleMs);
  const { signal } = new AbortController();
  const problems: string[] = [];
  try {
    await forEachOf(
      Array.from({ length: options.jobs }, (_, index) => index),
      options.parallel,
      async (index) => {
        const run = await gpujob.submit({ file: jobFile(index) }, { signal });
        const reading = run.events[Symbol.asyncIterator]();
        while ((await reading.next()).done !== true);
        const { exitCode, reason } = await run.result;
        if (exitCode !== exitCodeOf(index)) problems.push(`job ${index}: ${exitCode}: ${reason}`);
        ended += 1;
      },
    );
    look();
    await gpujob.close();
    problems.push(...(await checkManyJobs(home, options.jobs)));
  } finally {
    clearInterval(timer);
    await home.remove();
  }
  const settled = samples.filter((sample) => sample.ended >= options.jobs / 5);
  return {
    samples,
    problems,
    heapMibPerHour: slopeOf(settled.map(({ atMs, heapMib }) => [atMs / 3_600_000, heapMib])),
    heapMibPerThousand: slopeOf(settled.map((each) => [each.ended / 1000, each.heapMib])),
  };
}

function readSample(ended: number): SoakSample {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    atMs: performance.now(),
    heapMib: heapUsed / 2 ** 20,
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

/** Least squares: how much y grows for one x. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const top = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const bottom = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return bottom === 0 ? 0 : top / bottom;
}
