import type { MemberRef, Work } from "./work.ts";
import { lookUp } from "./work.ts";

/** So many are looked at of each kind of machine, the newest. */
const mostRead = 40;
/** What is older than this says nothing about today. */
const memoryMs = 180 * 24 * 3_600_000;
/** With fewer of our own the platform's word counts. */
const fewest = 3;
/** The platform tells the usual time; one in twenty takes about twice as long. */
const statedFactor = 2;
/** A second machine for less than this is not worth it. */
const leastMs = 30_000;

/**
 * Longer than this a machine of the same kind takes to be ready only once in twenty times: by what was seen here, else by
 * the platform's word. `undefined`: nothing is known, or time costs nothing there.
 */
export async function usualBootMs(work: Work, ref: MemberRef): Promise<number | undefined> {
  const { attempt, target } = lookUp(work, ref);
  if (target.capabilities.release !== "api") return undefined;
  const seen = await readTimes(work, ref);
  const stated = attempt.candidate.offer.bootSeconds;
  const statedMs = stated === undefined ? undefined : stated * 1000 * statedFactor;
  const usual = seen.length >= fewest ? percentile95(seen) : statedMs;
  return usual === undefined ? undefined : Math.max(leastMs, Math.round(usual));
}

/** How long a machine took from its create until it is ready now, where this driver has seen all of it. */
export function bootTimeMs(work: Work, ref: MemberRef): number | undefined {
  const { session } = work;
  const { member, target } = lookUp(work, ref);
  const { createdAt } = member;
  if (createdAt === undefined || target.capabilities.release !== "api") return undefined;
  const tookMs = session.ports.clock.now() - createdAt;
  // A driver that came later, or a clock that was set, would tell of something else.
  return tookMs < 0 || tookMs - session.ageOf(createdAt) > 1000 ? undefined : tookMs;
}

async function readTimes(work: Work, ref: MemberRef): Promise<readonly number[]> {
  const { store, clock } = work.session.ports;
  const { platform, instanceType } = lookUp(work, ref).attempt.candidate.offer;
  const seen = await store
    .listExperiences({
      since: clock.now() - memoryMs,
      limit: mostRead,
      of: { platform, instanceType },
    })
    // Only a memory: a store that is closed for the moment must not hold up the run.
    .catch(() => []);
  return seen.flatMap(({ bootMs }) => bootMs ?? []);
}

/** The smallest of the values that at least 95 of 100 do not exceed. */
function percentile95(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.95) - 1];
}
