import { openStore } from "@gpujob/store";
import { it } from "vitest";
import { playHistory } from "./history.ts";
import { makeScenario } from "./make-scenario.ts";
import { playScenario, still } from "./run-histories.ts";
import type { Fault, JobFacts, PlatformFacts, Scenario } from "./scenario.ts";

/** Histories that once broke a promise, as small as they could be made. */

const rented: PlatformFacts = {
  name: "p0",
  release: "api",
  idempotency: "token",
  lagMs: 0,
  windowMs: 0,
  bootMs: 0,
  releaseMs: 0,
  latencyMs: 0,
  autoRelease: false,
  powerOff: "none",
  forgets: false,
  offers: [
    {
      id: "p0-0",
      micros: 1_000_000,
      billing: { unitSeconds: 1, minimumSeconds: 0 },
      market: "on-demand",
      stock: 1,
    },
  ],
};

function ownedHost(name: string, micros: number): PlatformFacts {
  const offers = rented.offers.map((offer) => ({ ...offer, id: `${name}-0`, micros }));
  return { ...rented, name, release: "owned", autoRelease: true, windowMs: 1000, offers };
}

const job: JobFacts = {
  nodes: 1,
  workMs: 5000,
  failsUntil: 0,
  code: 1,
  heedsStop: true,
  retryFailures: 0,
  retryInterruptions: 5,
  timeLimitMs: 3_600_000,
  orphanMs: 3_600_000,
  holdMs: 600_000,
  tether: "short",
};

function scenario(
  faults: readonly Fault[],
  more: { readonly platforms?: readonly PlatformFacts[]; readonly job?: Partial<JobFacts> } = {},
): Scenario {
  return {
    seed: 1,
    platforms: more.platforms ?? [rented],
    job: { ...job, ...more.job },
    faults,
    restartMs: 20_000,
  };
}

it("renews no tether once its lock has lapsed, because another driver counts on the end of it", async ({
  expect,
}) => {
  const faults: readonly Fault[] = [
    { kind: "store-down", driver: 1, atMs: 5000, ms: 3_600_000 },
    { kind: "second-driver", atMs: 80_000 },
    { kind: "partition", machine: 1, afterMs: 0, ms: 3_600_000, way: "both", driver: 2 },
  ];
  const platforms = [ownedHost("p0", 1_000_000), ownedHost("p1", 2_000_000)];
  expect(await playScenario(scenario(faults, { platforms, job: { workMs: 200_000 } }))).toEqual([]);
});

it("believes no platform sooner because the wall clock was set forward", async ({ expect }) => {
  const platforms = [{ ...rented, lagMs: 90_000, windowMs: 120_000 }];
  for (const kind of ["lost", "reply-lost", "slow"] as const) {
    const faults: readonly Fault[] = [
      { kind: "wall-jump", atMs: 462, ms: 3_600_000 },
      ...(kind === "slow" ? [] : [{ kind: "create", nth: 1, how: kind, ms: 0 } as const]),
    ];
    expect([kind, await playScenario(scenario(faults, { platforms }))]).toEqual([kind, []]);
  }
});

it("lets go of a run that was settled while the driver was on its way to it", async ({
  expect,
}) => {
  for (const step of [2, 3, 4, 5, 6, 7, 8]) {
    const faults: readonly Fault[] = [
      { kind: "stop", driver: 2, step, ms: 60_000 },
      { kind: "second-driver", atMs: 3000 },
    ];
    expect([step, await playScenario(scenario(faults))]).toEqual([step, []]);
  }
});

it("does not hold the lock after it could not read what there is to do", async ({ expect }) => {
  for (const step of [2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    const faults: readonly Fault[] = [
      { kind: "stop", driver: 1, step, ms: 1000 },
      { kind: "store-down", driver: 1, atMs: 500, ms: 30_000 },
    ];
    expect([step, await playScenario(scenario(faults))]).toEqual([step, []]);
  }
});

it("writes no event twice when the store fails between a commit and the next read", async ({
  expect,
}) => {
  const platforms = [ownedHost("p0", 1_000_000)];
  for (let step = 10; step < 120; step += 1) {
    const faults: readonly Fault[] = [
      { kind: "stop", driver: 1, step, ms: 4000 },
      { kind: "store-down", driver: 1, atMs: 3000, ms: 4000 },
    ];
    expect([step, await playScenario(scenario(faults, { platforms }))]).toEqual([step, []]);
  }
});

it("begins nothing anew when the machine is lost while the time limit stops its job", async ({
  expect,
}) => {
  const faults: readonly Fault[] = [
    { kind: "partition", machine: 1, afterMs: 9700, ms: 8700, way: "both" },
  ];
  const platforms = [ownedHost("p0", 1_000_000), ownedHost("p1", 2_000_000)];
  for (const heedsStop of [true, false]) {
    const slow = { workMs: 60_000, checkpointMs: 2000, timeLimitMs: 16_000, heedsStop };
    expect(await playScenario(scenario(faults, { platforms, job: slow }))).toEqual([]);
  }
});

it("ends for its time limit, wherever that finds it", async ({ expect }) => {
  const billed = { ...rented, offers: rented.offers.map((offer) => ({ ...offer, stock: 3 })) };
  const stories: readonly (readonly Fault[])[] = [
    // A failed job's outputs are still to be brought home.
    [{ kind: "crash", driver: 1, step: 60 }],
    // The platform's notice came first, and an extra placement is on its way.
    [{ kind: "machine", machine: 1, afterMs: 7412, how: "taken", ms: 2000 }],
    // The machine is taken while nobody drives.
    [
      { kind: "machine", machine: 1, afterMs: 9000, how: "taken", ms: 60_000 },
      { kind: "crash", driver: 1, step: 70 },
    ],
  ];
  for (const faults of stories) {
    for (const timeLimitMs of [12_000, 16_000, 20_000]) {
      const limited = { workMs: 14_000, failsUntil: 1, retryFailures: 3, timeLimitMs };
      const facts = scenario(faults, { platforms: [billed], job: { ...limited, tether: "auto" } });
      const restarted = { ...facts, restartMs: 600_000 };
      expect([faults, timeLimitMs, await playScenario(restarted)]).toEqual([
        faults,
        timeLimitMs,
        [],
      ]);
    }
  }
});

it("gives a machine up that has hung, although the wall clock was set back", async ({ expect }) => {
  const faults: readonly Fault[] = [
    { kind: "machine", machine: 1, afterMs: 37_420, how: "hangs", ms: 0 },
    { kind: "wall-jump", atMs: 52_306, ms: -12_000 },
  ];
  const hours = { workMs: 50_000, timeLimitMs: 90_000_000 };
  expect(await playScenario(scenario(faults, { job: hours }))).toEqual([]);
});

it("charges a machine that billed before it was ever ready", async ({ expect }) => {
  const [offer] = rented.offers;
  const billing = { unitSeconds: 1, minimumSeconds: 0, isBootBilled: false };
  const offers = offer === undefined ? [] : [{ ...offer, billing }];
  for (const forgets of [false, true]) {
    const platforms = [{ ...rented, bootMs: 2000, forgets, offers }];
    const faults: readonly Fault[] = [
      { kind: "partition", machine: 1, afterMs: 0, ms: 600_000, way: "both" },
    ];
    expect(await playScenario(scenario(faults, { platforms }))).toEqual([]);
  }
});

it("charges a machine to its end when the platform did not show it yet at the release", async ({
  expect,
}) => {
  const platforms = [{ ...rented, lagMs: 20_000, windowMs: 50_000, forgets: true }];
  const faults: readonly Fault[] = [{ kind: "wish", atMs: 1000, isNow: true }];
  expect(await playScenario(scenario(faults, { platforms }))).toEqual([]);
});

it("believes no young machine gone because the clock was set forward before another driver came", async ({
  expect,
}) => {
  const platforms = [{ ...rented, lagMs: 90_000, windowMs: 120_000, forgets: true }];
  for (let step = 15; step < 70; step += 1) {
    const faults: readonly Fault[] = [
      { kind: "wall-jump", atMs: 1500, ms: 3_600_000 },
      { kind: "crash", driver: 1, step },
      { kind: "wish", atMs: 1000, isNow: true },
    ];
    const facts = { ...scenario(faults, { platforms }), restartMs: 1000 };
    expect([step, await playScenario(facts)]).toEqual([step, []]);
  }
});

it("begins from a checkpoint that came home while the store could not be written", async ({
  expect,
}) => {
  const platforms = [ownedHost("p0", 1_000_000), ownedHost("p1", 2_000_000)];
  const faults: readonly Fault[] = [
    { kind: "partition", machine: 1, afterMs: 964, ms: 60_000, way: "up" },
    { kind: "store-down", driver: 1, atMs: 4734, ms: 120_000 },
  ];
  const saving = { workMs: 45_562, checkpointMs: 5000, tether: "auto" } as const;
  expect(await playScenario(scenario(faults, { platforms, job: saving }))).toEqual([]);
});

it("judges that a machine is gone by when it asked, not by when it read the answer", async ({
  expect,
}) => {
  const [offer] = rented.offers;
  const slow = { latencyMs: 300, lagMs: 90_000, windowMs: 90_000, releaseMs: 0, forgets: true };
  const platforms = [{ ...rented, ...slow, offers: offer === undefined ? [] : [offer] }];
  for (let step = 20; step < 120; step += 1) {
    const faults: readonly Fault[] = [
      { kind: "wish", atMs: 1000, isNow: true },
      { kind: "stop", driver: 1, step, ms: 400_000 },
    ];
    expect([step, await playScenario(scenario(faults, { platforms }))]).toEqual([step, []]);
  }
});

it("goes on with what was under way at once, although the clock was set back by an hour since then", async ({
  expect,
}) => {
  const sweepsMs = 300_000 + 1_800_000 + 7_200_000 + 90_000_000;
  const store = await openStore({ path: ":memory:", clock: still, newId: () => "found" });
  const platforms = [{ ...ownedHost("p0", 1_000_000), latencyMs: 50 }];
  const tookMs: number[] = [];
  for (let step = 60; step < 200; step += 4) {
    const faults: readonly Fault[] = [
      { kind: "suspend", atMs: 9916, ms: 100_000 },
      { kind: "wall-jump", atMs: 37_618, ms: -3_600_000 },
      { kind: "crash", driver: 1, step },
    ];
    const saving = { workMs: 20_000, checkpointMs: 2000 };
    const facts = { ...scenario(faults, { platforms, job: saving }), restartMs: 60_000 };
    const played = await playHistory({ scenario: facts, store, runId: `r-${step}` });
    expect([step, played.violations]).toEqual([step, []]);
    if (played.drivers > 1) tookMs.push(played.endedAtMs - sweepsMs);
  }
  // A lock that was last renewed before the clock was set holds until its time; the others do not wait.
  expect(Math.min(...tookMs)).toBeLessThan(600_000);
  await store.close();
});

it("takes a host of one's own up again whose reservation lapsed while a clock that was set back kept drivers away", async ({
  expect,
}) => {
  const store = await openStore({ path: ":memory:", clock: still, newId: () => "found" });
  const platforms = [{ ...ownedHost("p0", 1_000_000), latencyMs: 50 }];
  for (let step = 90; step < 130; step += 5) {
    const faults: readonly Fault[] = [
      { kind: "wall-jump", atMs: 12_000, ms: -3_600_000 },
      { kind: "crash", driver: 1, step },
    ];
    const slow = { workMs: 60_000, orphanMs: 120_000, timeLimitMs: 36_000_000 } as const;
    const facts = { ...scenario(faults, { platforms, job: { ...slow, tether: "long" } }) };
    const journal: string[] = [];
    const played = await playHistory({
      scenario: { ...facts, restartMs: 1000 },
      store,
      runId: `r-lapsed-${step}`,
      trace: (_atMs, line) => void journal.push(line),
    });
    expect([step, played.violations]).toEqual([step, []]);
    // At once, not at the next turn of what moves the end of a reservation.
    const refused = journal.filter((line) => line.includes("is not up (stopped)"));
    expect(refused.length).toBeLessThan(4);
  }
  await store.close();
});

it("fetches the outputs of a job that ended while the store could not be written for long", async ({
  expect,
}) => {
  const platforms = [{ ...rented, latencyMs: 50 }];
  for (const nodes of [1, 2]) {
    const offers = rented.offers.map((offer) => ({ ...offer, stock: nodes }));
    for (const ms of [10_000, 70_000, 120_000]) {
      const faults: readonly Fault[] = [{ kind: "store-down", driver: 1, atMs: 4000, ms }];
      const facts = scenario(faults, {
        platforms: platforms.map((each) => ({ ...each, offers })),
        job: { nodes },
      });
      expect([nodes, ms, await playScenario(facts)]).toEqual([nodes, ms, []]);
    }
  }
});

it("runs a job again whose machine is lost before its outputs are fetched, and says so where it may not", async ({
  expect,
}) => {
  const offers = rented.offers.map((offer) => ({ ...offer, stock: 3 }));
  for (const forgets of [false, true]) {
    const platforms = [{ ...rented, latencyMs: 300, windowMs: 1000, forgets, offers }];
    for (const retryInterruptions of [0, 5]) {
      for (let afterMs = 6000; afterMs < 12_000; afterMs += 150) {
        const faults: readonly Fault[] = [
          { kind: "machine", machine: 1, afterMs, how: "dies", ms: 0 },
        ];
        const facts = scenario(faults, { platforms, job: { retryInterruptions } });
        expect([forgets, afterMs, await playScenario(facts)]).toEqual([forgets, afterMs, []]);
      }
    }
  }
});

it("fetches what a job made whose machine is noticed to be taken when it has ended", async ({
  expect,
}) => {
  const platforms = [{ ...rented, latencyMs: 300 }];
  for (let workMs = 6000; workMs < 14_000; workMs += 250) {
    const faults: readonly Fault[] = [
      { kind: "machine", machine: 1, afterMs: 0, how: "taken", ms: 60_000 },
    ];
    const facts = scenario(faults, { platforms, job: { workMs, retryInterruptions: 0 } });
    expect([workMs, await playScenario(facts)]).toEqual([workMs, []]);
  }
});

it("takes no word for the release of a young machine that its platform does not show just then", async ({
  expect,
}) => {
  const platforms = [{ ...rented, windowMs: 30_000 }];
  for (let atMs = 4000; atMs < 9000; atMs += 250) {
    const faults: readonly Fault[] = [
      { kind: "api", platform: 0, atMs, ms: 22_000, how: "vanish" },
    ];
    expect([atMs, await playScenario(scenario(faults, { platforms }))]).toEqual([atMs, []]);
  }
});

it("takes two moments in which a platform misses a machine for no proof that it is gone", async ({
  expect,
}) => {
  const platforms = [{ ...rented, windowMs: 30_000, releaseMs: 20_000, latencyMs: 300 }];
  for (let atMs = 24_000; atMs < 48_000; atMs += 1000) {
    const faults: readonly Fault[] = [
      { kind: "api", platform: 0, atMs, ms: 9000, how: "vanish" },
      { kind: "api", platform: 0, atMs: atMs + 17_000, ms: 9000, how: "vanish" },
    ];
    const facts = scenario(faults, { platforms, job: { workMs: 14_887 } });
    expect([atMs, await playScenario(facts)]).toEqual([atMs, []]);
  }
});

it("takes a young machine whose release was accepted for gone only when its platform must show it", async ({
  expect,
}) => {
  const platforms = [{ ...rented, windowMs: 50_000, releaseMs: 20_000 }];
  for (let atMs = 10_000; atMs < 30_000; atMs += 1000) {
    const faults: readonly Fault[] = [
      { kind: "wish", atMs: 8000, isNow: true },
      { kind: "api", platform: 0, atMs, ms: 26_000, how: "vanish" },
    ];
    const facts = scenario(faults, { platforms, job: { workMs: 30_000 } });
    expect([atMs, await playScenario(facts)]).toEqual([atMs, []]);
  }
});

it("comes to an end when a job on a machine that was rented by hand is stopped at once", async ({
  expect,
}) => {
  const platforms = [
    { ...ownedHost("p0", 1_000_000), release: "by-hand" as const, autoRelease: false },
  ];
  for (let atMs = 0; atMs < 20_000; atMs += 1500) {
    const faults: readonly Fault[] = [
      { kind: "wish", atMs, isNow: true },
      { kind: "partition", machine: 1, afterMs: 12_000, ms: 60_000, way: "both" },
    ];
    const facts = scenario(faults, { platforms, job: { workMs: 60_000 } });
    expect([atMs, await playScenario(facts)]).toEqual([atMs, []]);
  }
});

it("closes the charges of two machines of one run that ended themselves, in one audit", async ({
  expect,
}) => {
  expect(await playScenario(makeScenario(1_430_845))).toEqual([]);
});

it("starts no job at the moment of its time limit, when the next driver comes just then", async ({
  expect,
}) => {
  for (let step = 70; step < 95; step += 1) {
    for (let seed = 1; seed < 9; seed += 1) {
      const faults: readonly Fault[] = [
        { kind: "crash", driver: 1, step },
        { kind: "keep-ended", atMs: 72_192 },
      ];
      const facts = { ...scenario(faults), seed, restartMs: 3_600_000 };
      expect([step, seed, await playScenario(facts)]).toEqual([step, seed, []]);
    }
  }
});

it("takes a checkpoint for fresh that was confirmed just now, however long it took to come home", async ({
  expect,
}) => {
  const store = await openStore({ path: ":memory:", clock: still, newId: () => "found" });
  const platforms = [ownedHost("p0", 1_000_000), ownedHost("p1", 2_000_000)].map((each) => ({
    ...each,
    // Four ways of a call: a checkpoint takes twelve seconds.
    latencyMs: 3000,
  }));
  const saving = { workMs: 300_000, checkpointMs: 5000 };
  const waited: boolean[] = [];
  for (let afterMs = 90_000; afterMs < 100_000; afterMs += 1000) {
    const faults: readonly Fault[] = [{ kind: "machine", machine: 1, afterMs, how: "dies", ms: 0 }];
    const facts = scenario(faults, { platforms, job: saving });
    let hasWaited = false;
    const { violations } = await playHistory({
      scenario: facts,
      store,
      runId: `r-slow-pull-${afterMs}`,
      trace(_atMs, line) {
        hasWaited ||= line.includes('"timer":"unreachable","attempt":1');
      },
    });
    expect([afterMs, violations]).toEqual([afterMs, []]);
    waited.push(hasWaited);
  }
  // Only one that died long after its last checkpoint is waited for as long as `timeouts.unreachable` says.
  expect(waited.filter((each) => !each).length).toBeGreaterThan(4);
  await store.close();
});

it("gives a machine that was rented by hand back, though the driver that began with it has died", async ({
  expect,
}) => {
  const platforms = [
    { ...ownedHost("p0", 1_000_000), release: "by-hand" as const, autoRelease: false },
  ];
  for (let step = 100; step < 145; step += 1) {
    const faults: readonly Fault[] = [
      { kind: "wish", atMs: 7892, isNow: true },
      { kind: "crash", driver: 1, step },
    ];
    const facts = scenario(faults, { platforms, job: { workMs: 34_464, checkpointMs: 10_000 } });
    expect([step, await playScenario(facts)]).toEqual([step, []]);
  }
  expect(await playScenario(makeScenario(1_516_817))).toEqual([]);
});

it("comes to an end when a machine that was rented by hand is started anew while its job runs", async ({
  expect,
}) => {
  expect(await playScenario(makeScenario(1_512_896))).toEqual([]);
});

it("fetches the outputs from a host of one's own that is started anew meanwhile", async ({
  expect,
}) => {
  for (const release of ["owned", "by-hand"] as const) {
    const host = { ...ownedHost("p0", 1_000_000), latencyMs: 50 };
    const platforms = [{ ...host, release, autoRelease: release === "owned" }];
    for (let afterMs = 5000; afterMs < 13_000; afterMs += 500) {
      const faults: readonly Fault[] = [
        { kind: "machine", machine: 1, afterMs, how: "reboots", ms: 2000 },
      ];
      const facts = scenario(faults, { platforms, job: { workMs: 9884 } });
      expect([release, afterMs, await playScenario(facts)]).toEqual([release, afterMs, []]);
    }
  }
  expect(await playScenario(makeScenario(1_520_525))).toEqual([]);
  expect(await playScenario(makeScenario(1_543_660))).toEqual([]);
});

it("does not forget a machine that was being taken by hand when the run was over", async ({
  expect,
}) => {
  const platforms = [
    { ...ownedHost("p0", 1_000_000), release: "by-hand" as const, autoRelease: false },
  ];
  for (let step = 20; step < 45; step += 1) {
    const faults: readonly Fault[] = [{ kind: "crash", driver: 1, step }];
    const limited = { workMs: 43_429, timeLimitMs: 16_000 };
    const facts = scenario(faults, { platforms, job: limited });
    expect([step, await playScenario(facts)]).toEqual([step, []]);
  }
  expect(await playScenario(makeScenario(2_015_163))).toEqual([]);
});

it("looks once more when the window of an order without an answer is over, if the platform was silent meanwhile", async ({
  expect,
}) => {
  expect(await playScenario(makeScenario(2_091_942))).toEqual([]);
});
