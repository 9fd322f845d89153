import type { Pool, SpotMarket } from "./spot-market.ts";
import { costOf, priceAt } from "./spot-market.ts";
import type { Place, ReplayJob } from "./spot-policies.ts";
import { fittingAt, isRefused, rent } from "./spot-policies.ts";

/**
 * USD of the cheapest way to run a job for somebody who knew all prices, refusals and interruptions before: any machine at
 * its start and after each interruption, as gpujob itself would have to choose.
 */
export function bestInHindsight(world: SpotMarket, job: ReplayJob, seed: number): number {
  const places = placesFor(world, job);
  const least = lowestEver(places, job.startsAt);
  const search = { world, places, least, seed, looks: 0 };
  return cheapest(search, job.startsAt, job.workMs, Infinity);
}

interface Search {
  readonly world: SpotMarket;
  /** All that fit, whether sold at a moment or not. */
  readonly places: readonly Place[];
  /** No work of the job ever costs less, in USD per millisecond. */
  readonly least: number;
  readonly seed: number;
  /** Moments looked at so far. */
  looks: number;
}

/** Beyond so many the rest of a job is taken to cost the least that it could, which makes the best better than it is. */
const mostLooks = 400;
const waitMs = 600_000;
const hourMs = 3_600_000;
/** No job of a replay takes so long, with all that it loses. */
const horizonMs = 21 * 24 * hourMs;

/**
 * Goes through every choice that could still cost less than `limit`; answers `Infinity` where none does. What is left to
 * do costs at least the lowest price that there will ever be, which rules out most of them.
 */
function cheapest(search: Search, now: number, leftMs: number, limit: number): number {
  const { world, places, least, seed } = search;
  if (now >= world.to) return Infinity;
  if ((search.looks += 1) > mostLooks) return leftMs * least;
  const open = places.filter(
    (place) => priceAt(place.pool, place.market, now) !== undefined && !isRefused(place, now, seed),
  );
  if (open.length === 0) return cheapest(search, now + waitMs, leftMs, limit);
  const leases = open
    .map((place) => rent(place, now, leftMs))
    .map((lease) => ({ ...lease, atLeast: lease.cost + lease.leftMs * least }))
    .toSorted((a, b) => a.atLeast - b.atLeast);
  let best = limit;
  // What ends well makes the limit for what does not.
  for (const { cost, leftMs: rest } of leases) if (rest === 0) best = Math.min(best, cost);
  for (const { cost, endsAt, leftMs: rest, atLeast } of leases) {
    if (rest === 0 || atLeast >= best) continue;
    best = Math.min(best, cost + cheapest(search, endsAt, rest, best - cost));
  }
  return best < limit ? best : Infinity;
}

/** What fits hangs on the card alone, so it is asked once, as if all were sold at one price. */
function placesFor(world: SpotMarket, { spec }: ReplayJob): readonly Place[] {
  const prices = { spot: [1], "on-demand": [1] };
  const pools = world.pools.map((pool) => ({ ...pool, times: [0], prices }));
  const own = new Map(world.pools.map((pool) => [pool.id, pool]));
  return fittingAt({ ...world, pools }, 0, spec, []).flatMap(({ pool, market }) => {
    const real = own.get(pool.id);
    return real === undefined ? [] : [{ pool: real, market }];
  });
}

function lowestEver(places: readonly Place[], from: number): number {
  let least = Infinity;
  for (const { pool, market } of places) {
    const begins = Math.max(
      0,
      pool.times.findLastIndex((time) => time <= from),
    );
    for (let at = begins; at < pool.times.length; at += 1) {
      if ((pool.times[at] ?? 0) > from + horizonMs) break;
      least = Math.min(least, pool.prices[market][at] ?? Infinity);
    }
  }
  return least / hourMs;
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
