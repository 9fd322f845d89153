import type { JobSpec } from "@gpujob/spec";
import type { Pool, SpotMarket } from "./spot-market.ts";
import { costOf, priceAt } from "./spot-market.ts";
import type { Place, ReplayJob } from "./spot-policies.ts";
import { fittingAt, isRefused, rent } from "./spot-policies.ts";

/**
 * USD of the cheapest way to run a job for somebody who knew all prices, refusals and interruptions before: any machine at
 * its start and after each interruption, as gpujob itself would have to choose.
 */
export function bestInHindsight(world: SpotMarket, job: ReplayJob, seed: number): number {
  return cheapest(world, { job: job.spec, now: job.startsAt, leftMs: job.workMs, seed }, Infinity);
}

interface Situation {
  readonly job: JobSpec;
  readonly now: number;
  readonly leftMs: number;
  readonly seed: number;
}

const waitMs = 600_000;

/**
 * Goes through every choice, which is quick as long as most jobs meet no interruption or one. Looks only for what
 * costs less than `limit`; answers `Infinity` where nothing does.
 */
function cheapest(world: SpotMarket, situation: Situation, limit: number): number {
  const { job, now, leftMs, seed } = situation;
  if (now >= world.to) return Infinity;
  const all = fittingAt(world, now, job, []);
  const places = all.filter((place) => !isRefused(place, now, seed));
  if (places.length === 0) return cheapest(world, { ...situation, now: now + waitMs }, limit);
  const leases = places
    .map((place) => rent(place, now, leftMs))
    // What ends well first: it makes the limit for what does not.
    .toSorted((a, b) => a.leftMs - b.leftMs || a.cost - b.cost);
  let best = limit;
  for (const { cost, endsAt, leftMs: rest } of leases) {
    if (cost >= best) continue;
    const more =
      rest === 0 ? 0 : cheapest(world, { ...situation, now: endsAt, leftMs: rest }, best - cost);
    best = Math.min(best, cost + more);
  }
  return best < limit ? best : Infinity;
}

/**
 * USD below which nobody could have come at all: at every moment the lowest price of all machines that fit, with no boot,
 * no move and no interruption. Machines that are first sold while the job runs are not seen.
 */
export function floorOf(world: SpotMarket, { spec, startsAt, workMs }: ReplayJob): number {
  const places = fittingAt(world, startsAt, spec, []);
  const endsAt = startsAt + workMs;
  const moments = new Set([startsAt]);
  for (const { pool } of places) {
    for (const time of pool.times) if (time > startsAt && time < endsAt) moments.add(time);
  }
  const sorted = [...moments].toSorted((a, b) => a - b);
  return sorted.reduce((sum, from, at) => {
    const to = sorted[at + 1] ?? endsAt;
    const lowest = Math.min(...places.map((place) => stretch(place, from, to)));
    return sum + (Number.isFinite(lowest) ? lowest : 0);
  }, 0);
}

function stretch({ pool, market }: Place, from: number, to: number): number {
  return isSold(pool, market, from) ? costOf(pool, market, from, to) : Infinity;
}

function isSold(pool: Pool, market: Place["market"], at: number): boolean {
  return priceAt(pool, market, at) !== undefined;
}
