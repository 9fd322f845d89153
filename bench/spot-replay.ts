import type { Benchmark, Line } from "./support/benchmark.ts";
import { median, percentile } from "./support/measure.ts";
import { bestInHindsight, floorOf } from "./support/hindsight.ts";
import type { SpotMarket } from "./support/spot-market.ts";
import { readSpotMarket } from "./support/spot-market.ts";
import type { Policy, ReplayJob, ReplayResult } from "./support/spot-policies.ts";
import { lowestPrice, makeJobs, rankingPolicy, replay } from "./support/spot-policies.ts";

const seed = 1;
const jobCount = 600;
/** Interruptions as often as the platform's advisor says, and far more often. */
const factors = [1, 20, 100];

/**
 * What gpujob's choices cost on a recorded spot market: its ranking, its prices and its decisions after refusals and
 * interruptions, against somebody who knew the future and against the cheapest machine on the price list. Jobs say
 * `market: auto`, `checkpoint.every: 10m` and `retry.interruptions: 50`; all else is as by default.
 */
export const benchmark: Benchmark = {
  name: "spot-replay",
  obstacle: () => (findFolder() === undefined ? "GPUJOB_CATALOG names no folder" : undefined),
  run: async ({ trials = jobCount }) =>
    factors.flatMap((factor) => measure(findFolder() ?? "", { factor, count: trials })),
};

function findFolder(): string | undefined {
  const folder = process.env["GPUJOB_CATALOG"];
  return folder === "" ? undefined : folder;
}

function measure(
  folder: string,
  { factor, count }: { readonly factor: number; readonly count: number },
): readonly Line[] {
  const world = readSpotMarket(folder, { factor, seed });
  if (world === undefined) throw new Error(`${folder} has no aws/spot-history-*.csv.`);
  const jobs = makeJobs(world, count, seed);
  const run = (policy: Policy): Tally => tally(jobs, (job) => replay(world, job, policy, seed));
  const ours = run(rankingPolicy(false));
  const told = run(rankingPolicy(true));
  const listed = run(lowestPrice(["on-demand"]));
  const quoted = run(lowestPrice(["on-demand", "spot"]));
  const bests = jobs.map((job) => bestInHindsight(world, job, seed));
  const best = sum(bests);
  const ratios = ours.costs.map((cost, at) => cost / (bests[at] ?? Number.NaN));
  const floor = sum(jobs.map((job) => floorOf(world, job)));
  const when =
    factor === 1 ? "interrupted as the advisor says" : `interrupted ${factor} times as often`;
  const dollars = (amount: number): string => `${amount.toFixed(0)} USD`;
  const spread = `job by job ${median(ratios).toFixed(3)}× (median), ${percentile(ratios, 0.95).toFixed(3)}× (p95), ${Math.max(...ratios).toFixed(2)}× (worst)`;
  const happened = `${ours.interruptions} interruptions and ${ours.refusals} refusals met, ${count - ours.done} jobs not finished`;
  return [
    {
      what: `${count} jobs on recorded spot prices, ${when}: cost against the best in hindsight`,
      value: ours.cost / best,
      unit: "x",
      limit: 1.1,
      side: "most",
      detail: `gpujob ${dollars(ours.cost)} (${dollars(told.cost)} when told how often each type is interrupted), best in hindsight ${dollars(best)}; ${spread}; at every moment the lowest price, free of boots, moves and interruptions: ${dollars(floor)}; ${happened}; ${describe(world)}`,
    },
    {
      what: `the same, against always the cheapest list price, on demand`,
      value: ours.cost / listed.cost,
      unit: "x",
      limit: 0.75,
      side: "most",
      detail: `list price ${dollars(listed.cost)}`,
    },
    {
      what: `the same, against always the lowest price per hour that is quoted, spot included`,
      value: ours.cost / quoted.cost,
      unit: "x",
      limit: 1.01,
      side: "most",
      detail: `lowest quoted price ${dollars(quoted.cost)}, ${quoted.interruptions} interruptions met`,
    },
    {
      what: `jobs of the same that did not come to their end`,
      value: count - ours.done,
      unit: "",
      limit: 0,
      side: "most",
      detail: `by the lowest quoted price ${count - quoted.done}`,
    },
  ];
}

interface Tally {
  readonly cost: number;
  readonly costs: readonly number[];
  readonly interruptions: number;
  readonly refusals: number;
  readonly done: number;
}

function tally(jobs: readonly ReplayJob[], run: (job: ReplayJob) => ReplayResult): Tally {
  const results = jobs.map(run);
  const costs = results.map(({ cost }) => cost);
  return {
    cost: sum(costs),
    costs,
    interruptions: sum(results.map(({ interruptions }) => interruptions)),
    refusals: sum(results.map(({ refusals }) => refusals)),
    done: results.filter(({ isDone }) => isDone).length,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function describe({ pools, from, to }: SpotMarket): string {
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  return `${pools.length} pairs of zone and type, ${day(from)} to ${day(to)}, seed ${seed}`;
}
