import type { BillingRule } from "@gpujob/spec";
import type { Random } from "./random.ts";
import { createRandom } from "./random.ts";
import type { Fault, JobFacts, PlatformFacts, Scenario } from "./scenario.ts";

type Kind = Fault["kind"];

/** What a history is mostly about: faults that only hurt together must meet often enough. */
interface Theme {
  readonly kinds: readonly [Kind, ...Kind[]];
  readonly counts: readonly [number, ...number[]];
  /** Share of platforms that are the user's own hosts. */
  readonly ownedShare: number;
}

const processKinds = ["crash", "crash", "stop", "stop", "second-driver", "hand-over"] as const;
const themes: readonly [Theme, ...Theme[]] = [
  { kinds: ["crash"], counts: [0, 1], ownedShare: 0.3 },
  {
    kinds: ["create", "create", "create", "crash", "stop", "api"],
    counts: [1, 2, 3, 4],
    ownedShare: 0.05,
  },
  {
    kinds: ["release", "release", "crash", "stop", "api", "wish"],
    counts: [1, 2, 3],
    ownedShare: 0.1,
  },
  {
    kinds: [
      "partition",
      "partition",
      "partition",
      "offline",
      "stop",
      "crash",
      "second-driver",
      "suspend",
      "store-down",
    ],
    counts: [1, 2, 2, 3, 4],
    ownedShare: 0.8,
  },
  {
    kinds: ["machine", "machine", "partition", "crash", "stop"],
    counts: [1, 2, 3],
    ownedShare: 0.3,
  },
  {
    kinds: [...processKinds, "suspend", "store-down", "offline"],
    counts: [1, 2, 3, 4],
    ownedShare: 0.3,
  },
  {
    kinds: ["wish", "wish", "machine", "crash", "create", "partition"],
    counts: [1, 2, 3],
    ownedShare: 0.3,
  },
  {
    kinds: [
      ...processKinds,
      "create",
      "release",
      "api",
      "machine",
      "partition",
      "suspend",
      "store-down",
      "offline",
      "wall-jump",
      "wish",
    ],
    counts: [2, 3, 4, 5, 6],
    ownedShare: 0.3,
  },
];

/** Makes the scenario of a seed. Everything in it follows from the seed alone. */
export function makeScenario(seed: number): Scenario {
  const random = createRandom(seed);
  const theme = random.pick(themes);
  const job = makeJob(random);
  const platforms = makePlatforms(random, job, theme);
  const faults: Fault[] = [];
  const count = random.pick(theme.counts);
  for (let index = 0; index < count; index += 1)
    faults.push(makeFault(random, random.pick(theme.kinds), platforms, job));
  // From numbers of their own, so that a seed keeps its story when another extra comes.
  const extras = createRandom(seed + 2 ** 40);
  const keeping = makeKeeping(extras);
  const waiting = makeWaiting(createRandom(seed + 2 ** 41), platforms);
  return {
    seed,
    platforms: rentSomeByHand(createRandom(seed + 2 ** 42), waiting.platforms),
    job: { ...job, ...keeping.job, ...waiting.job },
    faults: [...faults, ...keeping.faults, ...waiting.faults],
    restartMs: random.pick([1000, 10_000, 20_000, 60_000, 600_000, 3_600_000]),
  };
}

/** Some hosts are no property of the user's: they are paid until the user ends them. */
function rentSomeByHand(
  random: Random,
  platforms: readonly PlatformFacts[],
): readonly PlatformFacts[] {
  return platforms.map((platform) => {
    if (platform.release !== "owned" || !random.chance(0.15)) return platform;
    const powerOff = random.pick<"ends" | "none">(["ends", "none", "none"]);
    return { ...platform, release: "by-hand", autoRelease: false, powerOff };
  });
}

/** Some ask for the machine to be kept after the job, and some of these end that themselves. */
function makeKeeping(random: Random): {
  readonly job: Pick<JobFacts, "keepMs">;
  readonly faults: readonly Fault[];
} {
  if (!random.chance(0.1)) return { job: {}, faults: [] };
  const keepMs = random.pick([5000, 30_000, 60_000, 200_000]);
  const atMs = random.int(0, 200_000);
  const isEnded = random.chance(0.5);
  return { job: { keepMs }, faults: isEnded ? [{ kind: "keep-ended", atMs }] : [] };
}

/** Some ask two offers at once, and some begin while nothing is left and wait for stock, longer than that lasts or not. */
function makeWaiting(
  random: Random,
  platforms: readonly PlatformFacts[],
): {
  readonly job: Pick<JobFacts, "hedge" | "queueMs">;
  readonly faults: readonly Fault[];
  readonly platforms: readonly PlatformFacts[];
} {
  const isHedged = random.chance(0.2);
  const hedge = isHedged ? { hedge: 2 as const } : {};
  const hedged = isHedged ? platforms.map((each) => makeAlike(random, each)) : platforms;
  if (!random.chance(0.1)) return { job: hedge, faults: [], platforms: hedged };
  const faults = platforms.map((_, platform): Fault => {
    const atMs = random.pick([0, 0, 0, 30_000]);
    return { kind: "sold-out", platform, atMs, ms: random.pick([20_000, 120_000, 900_000]) };
  });
  const queueMs = random.pick([60_000, 600_000, 3_600_000]);
  return { job: { ...hedge, queueMs }, faults, platforms: hedged };
}

/** Two offers are asked at once only where they cost about the same, in short pieces. */
function makeAlike(random: Random, facts: PlatformFacts): PlatformFacts {
  const billing = { unitSeconds: random.pick([1, 60]), minimumSeconds: 0 };
  const offers = facts.offers.map((offer) => ({
    ...offer,
    micros: random.int(1000, 1200) * 1000,
    billing,
  }));
  return { ...facts, offers };
}

function makeJob(random: Random): JobFacts {
  const isSaving = random.chance(0.5);
  return {
    nodes: random.pick([1, 1, 1, 1, 2, 3]),
    workMs: random.int(3, 60) * 1000 + random.int(0, 999),
    failsUntil: random.pick([0, 0, 0, 0, 1, 2]),
    code: random.pick([1, 2, 137]),
    ...(isSaving ? { checkpointMs: random.pick([2000, 5000, 10_000, 30_000]) } : {}),
    heedsStop: random.chance(0.8),
    retryFailures: random.pick([0, 0, 1, 3]),
    retryInterruptions: random.pick([0, 1, 5, 5]),
    timeLimitMs: random.chance(0.1) ? random.int(10, 60) * 1000 : 3_600_000,
    orphanMs: random.pick([120_000, 600_000, 3_600_000]),
    holdMs: random.pick([60_000, 600_000]),
    ...(random.chance(0.1) ? { budgetMicros: random.int(1, 60) * 1000 } : {}),
    tether: random.pick(["auto", "auto", "auto", "short", "long"]),
    ...(random.chance(0.2) ? { queueMs: random.pick([60_000, 600_000]) } : {}),
  };
}

const billingRules: readonly [BillingRule, ...BillingRule[]] = [
  { unitSeconds: 1, minimumSeconds: 0 },
  { unitSeconds: 1, minimumSeconds: 60 },
  { unitSeconds: 60, minimumSeconds: 0 },
  { unitSeconds: 3600, minimumSeconds: 0 },
  { unitSeconds: 1, minimumSeconds: 0, isBootBilled: false },
  { unitSeconds: 3600, minimumSeconds: 3600, mode: "prepaid" },
];

function makePlatforms(random: Random, job: JobFacts, theme: Theme): readonly PlatformFacts[] {
  const count = random.int(1, 3);
  return Array.from({ length: count }, (_, index) =>
    makePlatform(random, job, `p${index}`, random.chance(theme.ownedShare)),
  );
}

function makePlatform(
  random: Random,
  job: JobFacts,
  name: string,
  isOwned: boolean,
): PlatformFacts {
  const lagMs = isOwned ? 0 : random.pick([0, 0, 2000, 20_000, 90_000]);
  const offers = Array.from({ length: random.int(1, isOwned ? 4 : 3) }, (_, index) => ({
    id: `${name}-${index}`,
    micros: random.int(500, 5000) * 1000,
    billing: random.pick(billingRules),
    market: isOwned
      ? ("on-demand" as const)
      : random.pick<"on-demand" | "spot">(["on-demand", "spot"]),
    stock: isOwned ? 1 : random.pick([1, job.nodes, 10]),
  }));
  return {
    name,
    release: isOwned ? "owned" : "api",
    idempotency: isOwned ? "token" : random.pick(["token", "token", "name", "none"]),
    lagMs,
    windowMs: isOwned ? 1000 : lagMs + random.pick([0, 30_000]),
    bootMs: isOwned ? 0 : random.pick([0, 2000, 10_000, 40_000]),
    releaseMs: isOwned ? 0 : random.pick([0, 0, 3000, 20_000]),
    latencyMs: random.pick([0, 0, 0, 50, 300]),
    autoRelease: isOwned || random.chance(0.5),
    powerOff: isOwned ? "none" : random.pick(["none", "ends", "stops"]),
    forgets: !isOwned && random.chance(0.3),
    offers,
  };
}

function makeFault(
  random: Random,
  kind: Kind,
  platforms: readonly PlatformFacts[],
  job: JobFacts,
): Fault {
  const soon = (): number => random.int(0, random.pick([10_000, 60_000, 200_000]));
  const long = (): number =>
    random.pick([
      random.int(1000, 12_000),
      random.int(7900, 10_100),
      30_000,
      60_000,
      150_000,
      600_000,
    ]);
  const machine = random.pick([1, 1, 1, 2, 3]);
  const driver = random.pick([1, 1, 1, 2, 2, 3]);
  const step = random.int(1, random.pick([20, 60, 200, 400]));
  switch (kind) {
    case "create":
      return {
        kind,
        nth: random.int(1, 1 + job.nodes),
        how: random.pick([
          "refused",
          "lost",
          "reply-lost",
          "reply-lost",
          "error-made",
          "error-made",
          "late",
          "late",
          "slow",
          "repriced",
        ]),
        ms: random.pick([5000, 40_000, 70_000, 100_000]),
      };
    case "release":
      return {
        kind,
        nth: random.int(1, 3),
        times: random.pick([1, 2, 10]),
        how: random.pick(["ignored", "lost", "reply-lost", "throttled", "lingers"]),
        ms: random.pick([1000, 60_000, 300_000]),
      };
    case "api":
      return makeWeather(random, platforms, soon());
    case "machine":
      return {
        kind,
        machine,
        afterMs: random.int(0, job.workMs + 10_000),
        how: random.pick([
          "dies",
          "dies",
          "hangs",
          "reboots",
          "taken",
          "taken",
          "never-boots",
          "fails-boot",
          "slow-boots",
        ]),
        ms: random.pick([2000, 20_000, 120_000]),
      };
    case "partition":
      return {
        kind,
        machine,
        afterMs: random.int(0, random.pick([2000, job.workMs])),
        ms: long(),
        way: random.pick(["both", "both", "up", "down"]),
        ...(random.chance(0.2) ? { driver } : {}),
      };
    case "crash":
      return { kind, driver, step };
    case "stop":
      return {
        kind,
        driver,
        step,
        ms: random.pick([5000, 16_000, 30_000, 80_000, 400_000]),
        ...(random.chance(0.7) ? { takeoverMs: random.pick([1000, 16_000, 20_000, 76_000]) } : {}),
      };
    case "suspend":
      return { kind, atMs: soon(), ms: random.pick([10_000, 80_000, 900_000]) };
    case "second-driver":
      return { kind, atMs: soon() };
    case "hand-over":
      return { kind, driver, atMs: soon() };
    case "store-down":
      return { kind, driver, atMs: soon(), ms: random.pick([5000, 30_000, 120_000]) };
    case "offline":
      return { kind, driver, atMs: soon(), ms: long() };
    case "wall-jump":
      return { kind, atMs: soon(), ms: random.pick([12_000, 3_600_000, -12_000, -3_600_000]) };
    case "keep-ended":
      return { kind, atMs: soon() };
    case "sold-out":
      return {
        kind,
        platform: random.int(0, platforms.length - 1),
        atMs: soon(),
        ms: long(),
      };
    case "wish":
      return { kind, atMs: soon(), isNow: random.chance(0.4) };
  }
}

function makeWeather(random: Random, platforms: readonly PlatformFacts[], atMs: number): Fault {
  const platform = random.int(0, platforms.length - 1);
  const how = random.pick<"down" | "throttled" | "vanish">(["down", "down", "throttled", "vanish"]);
  const ms =
    how === "vanish" ? random.int(1000, 30_000) : random.pick([10_000, 60_000, 600_000, 7_200_000]);
  return { kind: "api", platform, atMs, ms, how };
}
