import type { Fault, JobFacts, PlatformFacts, Scenario } from "./scenario.ts";

/**
 * The smallest scenario that still fails: takes out fault after fault and feature after feature for as long as `fails`
 * says so. A change that cures it is undone.
 */
export async function shrink(
  scenario: Scenario,
  fails: (scenario: Scenario) => Promise<boolean>,
): Promise<Scenario> {
  let smallest = scenario;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of smallerThan(smallest)) {
      if (!(await fails(candidate))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

/** Every scenario with one thing less, the biggest steps first. */
function* smallerThan(scenario: Scenario): Generator<Scenario> {
  const { faults, platforms, job } = scenario;
  for (let index = faults.length - 1; index >= 0; index -= 1)
    yield { ...scenario, faults: faults.toSpliced(index, 1) };
  for (let index = platforms.length - 1; index > 0; index -= 1) yield dropPlatform(scenario, index);
  for (const [index, platform] of platforms.entries()) {
    for (const simpler of simplerPlatforms(platform))
      yield { ...scenario, platforms: platforms.with(index, simpler) };
  }
  for (const simpler of simplerJobs(job)) yield { ...scenario, job: simpler };
  if (scenario.restartMs !== 20_000) yield { ...scenario, restartMs: 20_000 };
}

function dropPlatform(scenario: Scenario, index: number): Scenario {
  const isKept = (fault: Fault): boolean => fault.kind !== "api" || fault.platform < index;
  return {
    ...scenario,
    platforms: scenario.platforms.toSpliced(index, 1),
    faults: scenario.faults.filter(isKept),
  };
}

function* simplerPlatforms(platform: PlatformFacts): Generator<PlatformFacts> {
  if (platform.offers.length > 1) yield { ...platform, offers: platform.offers.slice(0, -1) };
  const plain = {
    latencyMs: 0,
    releaseMs: 0,
    lagMs: 0,
    bootMs: 0,
    autoRelease: false,
    forgets: false,
    powerOff: "none",
    idempotency: "token",
  } as const;
  for (const [key, value] of Object.entries(plain)) {
    const simpler = { ...platform, [key]: value };
    if (JSON.stringify(simpler) !== JSON.stringify(platform)) yield simpler;
  }
}

function* simplerJobs(job: JobFacts): Generator<JobFacts> {
  const { checkpointMs, budgetMicros, queueMs, keepMs, ...rest } = job;
  if (checkpointMs !== undefined) yield without(job, "checkpointMs");
  if (budgetMicros !== undefined) yield without(job, "budgetMicros");
  if (queueMs !== undefined) yield without(job, "queueMs");
  if (keepMs !== undefined) yield without(job, "keepMs");
  if (rest.nodes > 1) yield { ...job, nodes: 1 };
  if (rest.failsUntil > 0) yield { ...job, failsUntil: 0 };
  if (rest.retryFailures > 0) yield { ...job, retryFailures: 0 };
  if (!rest.heedsStop) yield { ...job, heedsStop: true };
}

function without(
  job: JobFacts,
  name: "checkpointMs" | "budgetMicros" | "queueMs" | "keepMs",
): JobFacts {
  const { [name]: _dropped, ...rest } = job;
  return rest;
}
