import { readStored } from "../core/stored-json.ts";
import type { MemberRef, Work } from "./work.ts";
import { lookUp } from "./work.ts";

/** So many are kept of each kind of machine, the newest. */
const mostKept = 40;
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

/** Keeps how long a machine took from its create until it was ready, where this driver has seen all of it. */
export async function noteBootTime(work: Work, ref: MemberRef): Promise<void> {
  const { session } = work;
  const { member, target } = lookUp(work, ref);
  const { createdAt } = member;
  if (createdAt === undefined || target.capabilities.release !== "api") return;
  const tookMs = session.ports.clock.now() - createdAt;
  // A driver that came later, or a clock that was set, would tell of something else.
  if (tookMs < 0 || tookMs - session.ageOf(createdAt) > 1000) return;
  const times = [...(await readTimes(work, ref)), tookMs].slice(-mostKept);
  // Only a memory: a store that is closed for the moment must not hold up the run.
  await session.ports.store
    .putValue(nameOf(work, ref), JSON.stringify(times))
    .catch(() => undefined);
}

async function readTimes(work: Work, ref: MemberRef): Promise<readonly number[]> {
  const text = await work.session.ports.store.readValue(nameOf(work, ref)).catch(() => undefined);
  return text === undefined ? [] : readStored<readonly number[]>(text);
}

function nameOf(work: Work, ref: MemberRef): string {
  const { platform, instanceType } = lookUp(work, ref).attempt.candidate.offer;
  return `boot/${platform}/${instanceType}`;
}

/** The smallest of the values that at least 95 of 100 do not exceed. */
function percentile95(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.95) - 1];
}
