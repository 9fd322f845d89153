import {
  decideAfterFailure,
  dropExpired,
  findOffers,
  indexOffers,
  rankOffers,
} from "@gpujob/scheduler";
import type { Exclusion } from "@gpujob/scheduler";
import type { Failure, JobSpec, Market, Offer } from "@gpujob/spec";
import { testJob, testOffer } from "@gpujob/test/stories/support/world.ts";
import type { Pool, SpotMarket } from "./spot-market.ts";
import { costOf, nextInterruption, priceAt, seededRandom } from "./spot-market.ts";

const secondMs = 1000;
const hourMs = 3_600_000;
/** From the create to a machine that is up, and from there to a job that works: files, set-up, checkpoint. */
const bootMs = 120 * secondMs;
const readyMs = bootMs + 180 * secondMs;
const checkpointMs = 600 * secondMs;
const refusedShare = 0.05;
const platform = "market";

/** A job that is run again by each policy. */
export interface ReplayJob {
  readonly spec: JobSpec;
  readonly startsAt: number;
  readonly workMs: number;
}

/** A machine that could be rented. */
export interface Place {
  readonly pool: Pool;
  readonly market: Market;
}

export interface ReplayResult {
  /** USD. */
  readonly cost: number;
  readonly interruptions: number;
  readonly refusals: number;
  readonly isDone: boolean;
}

/** Which machine is rented next, of those that fit. */
export type Policy = (
  world: SpotMarket,
  now: number,
  job: JobSpec,
  exclusions: readonly Exclusion[],
) => Place | undefined;

/** Cards that the jobs ask for, each on as many machines as the record has them. */
const cards: readonly JobSpec["resources"]["gpus"][number][] = [
  { models: ["T4"], count: { min: 1, max: 1 } },
  { models: ["A10G"], count: { min: 1, max: 1 } },
  { models: ["V100"], count: { min: 1, max: 1 } },
  { vramGib: { min: 16 }, count: { min: 1, max: 1 } },
  { vramGib: { min: 24 }, count: { min: 1, max: 1 } },
  { vramGib: { min: 16 }, count: { min: 4, max: 4 } },
  { models: ["A10G"], count: { min: 4, max: 4 } },
  { vramGib: { min: 16 }, count: { min: 8, max: 8 } },
  { models: ["A100"], count: { min: 8, max: 8 } },
];

/** Jobs of half an hour to two days at any time of the record. */
export function makeJobs(world: SpotMarket, count: number, seed: number): readonly ReplayJob[] {
  const random = seededRandom(`jobs/${seed}`);
  const last = world.to - 7 * 24 * hourMs;
  return Array.from({ length: count }, (_, index): ReplayJob => {
    const gpus = cards[index % cards.length];
    const workMs = Math.round(0.5 * hourMs * 96 ** random());
    const plain = testJob();
    return {
      startsAt: Math.round(world.from + random() * (last - world.from)),
      workMs,
      spec: {
        ...plain,
        market: "auto",
        expectedTimeMs: workMs,
        retry: { ...plain.retry, interruptions: 50 },
        checkpoint: {
          path: "ckpt",
          everyMs: checkpointMs,
          signal: "SIGTERM",
          graceMs: 60_000,
          store: "local",
          keep: 2,
        },
        limits: { ...plain.limits, timeMs: 14 * 24 * hourMs },
        resources: { ...plain.resources, gpus: gpus === undefined ? [] : [gpus] },
      },
    };
  });
}

/** All that is sold at a moment, as the scheduler knows it. `tells`: with the advisor's rates. */
function offersAt(world: SpotMarket, now: number, tells: boolean): readonly Offer[] {
  const observedAt = new Date(now).toISOString();
  return world.pools.flatMap((pool) =>
    (["on-demand", "spot"] as const).flatMap((market): Offer[] => {
      const price = priceAt(pool, market, now);
      if (price === undefined) return [];
      const { region, zone, gpu, cpuCount, memoryGib, type } = pool;
      const plain = testOffer(`${pool.id}/${market}`, platform, 0);
      return [
        {
          ...plain,
          region,
          zone,
          gpu,
          cpuCount,
          memoryGib,
          market,
          observedAt,
          instanceType: type,
          bootSeconds: bootMs / secondMs,
          price: {
            ...plain.price,
            perHour: { currency: "USD", micros: Math.round(price * 1_000_000) },
            billing: { unitSeconds: 1, minimumSeconds: 60, isBootBilled: true },
          },
          ...(market === "spot" && tells ? { interruptionsPerHour: world.toldRate(pool) } : {}),
        },
      ];
    }),
  );
}

function placeOf(world: SpotMarket, { offerId, market }: Offer): Place | undefined {
  const pool = world.pools.find(({ id }) => offerId === `${id}/${market}`);
  return pool === undefined ? undefined : { pool, market };
}

const ask = { capabilitiesByPlatform: {}, rates: [], currency: "USD" } as const;

/** gpujob's own: the first of its ranking. */
export function rankingPolicy(tells: boolean): Policy {
  return (world, now, job, exclusions) => {
    const offers = offersAt(world, now, tells);
    const { ranked } = rankOffers({ ...ask, job, offers, missing: [], exclusions });
    const [best] = ranked;
    return best === undefined ? undefined : placeOf(world, best.offer);
  };
}

/** The lowest price per hour of those that fit, on the given markets. */
export function lowestPrice(markets: readonly Market[]): Policy {
  return (world, now, job, exclusions) => {
    const fitting = fittingAt(world, now, job, exclusions).filter(({ market }) =>
      markets.includes(market),
    );
    const [best] = fitting.toSorted(
      (a, b) => (priceAt(a.pool, a.market, now) ?? 0) - (priceAt(b.pool, b.market, now) ?? 0),
    );
    return best;
  };
}

/** Every machine that fits and is sold at a moment. */
export function fittingAt(
  world: SpotMarket,
  now: number,
  job: JobSpec,
  exclusions: readonly Exclusion[],
): readonly Place[] {
  const index = indexOffers(offersAt(world, now, false));
  return findOffers({ ...ask, job, index, exclusions }).flatMap(
    ({ offer }) => placeOf(world, offer) ?? [],
  );
}

/** Is a create in this hour refused, as there is no stock? The same for every policy. */
export function isRefused({ pool, market }: Place, now: number, seed: number): boolean {
  if (market === "on-demand") return false;
  return seededRandom(`${seed}/stock/${pool.id}/${Math.floor(now / hourMs)}`)() < refusedShare;
}

/** One machine, from its create until the work is done or it is taken away. */
export function rent(
  { pool, market }: Place,
  now: number,
  leftMs: number,
): { readonly cost: number; readonly endsAt: number; readonly leftMs: number } {
  const doneAt = now + readyMs + leftMs;
  const takenAt = nextInterruption(pool, market, now) ?? Infinity;
  if (takenAt > doneAt)
    return { cost: costOf(pool, market, now, doneAt), endsAt: doneAt, leftMs: 0 };
  const worked = Math.max(0, takenAt - now - readyMs);
  const saved = Math.floor(worked / checkpointMs) * checkpointMs;
  return { cost: costOf(pool, market, now, takenAt), endsAt: takenAt, leftMs: leftMs - saved };
}

/** Runs a job to its end by a policy, with gpujob's decisions after each refusal and interruption. */
export function replay(
  world: SpotMarket,
  { spec, startsAt, workMs }: ReplayJob,
  policy: Policy,
  seed: number,
): ReplayResult {
  let now = startsAt;
  let leftMs = workMs;
  let cost = 0;
  let interruptions = 0;
  let refusals = 0;
  let exclusions: readonly Exclusion[] = [];
  const end = (isDone: boolean): ReplayResult => ({ cost, interruptions, refusals, isDone });
  while (leftMs > 0 && now < world.to) {
    exclusions = dropExpired(exclusions, now);
    const job = { ...spec, expectedTimeMs: leftMs };
    const place = policy(world, now, job, exclusions);
    if (place === undefined) {
      now += checkpointMs;
      continue;
    }
    const refused = isRefused(place, now, seed);
    const lease = refused ? undefined : rent(place, now, leftMs);
    if (lease !== undefined) {
      ({ endsAt: now, leftMs } = lease);
      cost += lease.cost;
      if (leftMs === 0) return end(true);
    }
    const kind = refused ? "no_capacity" : "interrupted";
    const failure: Failure = { kind, message: kind, scope: refused ? "zone" : "offer", platform };
    const { id: poolId, region, zone, gpu } = place.pool;
    const decision = decideAfterFailure(failure, {
      job: spec,
      nowMs: now,
      offer: { platform, region, zone, gpu, offerId: `${poolId}/${place.market}` },
      calls: 0,
      interruptions,
      failures: 0,
      isJobStarted: !refused,
      mayHoldLease: false,
    });
    if (refused) refusals += 1;
    else interruptions += 1;
    if (decision.action === "give-up") return end(false);
    if ("exclusion" in decision && decision.exclusion !== undefined)
      exclusions = [...exclusions, decision.exclusion];
    now += "afterMs" in decision ? decision.afterMs : 0;
  }
  return end(leftMs === 0);
}
