import { openStore } from "@gpujob/store";
import type { Store } from "@gpujob/store";
import type { Violation } from "./checkers.ts";
import { playHistory } from "./history.ts";
import type { HistoryResult } from "./history.ts";
import { makeScenario } from "./make-scenario.ts";
import type { Mutant } from "./mutants.ts";
import type { Scenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";

/** A seed whose history broke a promise. */
export interface BadSeed {
  readonly seed: number;
  readonly violations: readonly Violation[];
}

/** What a batch of histories showed. */
export interface BatchReport {
  readonly histories: number;
  readonly bad: readonly BadSeed[];
  /** Milliseconds of processor time of this thread's process, its other threads included. */
  readonly cpuMs: number;
  /** Waits that ended, processes that drove, and planned faults, over all histories. */
  readonly turns: number;
  readonly drivers: number;
  readonly faults: number;
  /** In how many histories each fault did strike, by its name. */
  readonly struck: Readonly<Record<string, number>>;
}

/** Histories share a store, because opening one costs as much as a history; this many, so that it stays small. */
const historiesPerStore = 200;

/**
 * Plays the histories of the seeds from `first` on, one after the other. Ends early after `mostBad` that broke a promise
 * or when `isOver` says so.
 */
export async function runHistories(options: {
  readonly first: number;
  readonly count: number;
  readonly mutant?: Mutant;
  readonly mostBad?: number;
  readonly isOver?: () => boolean;
}): Promise<BatchReport> {
  const { first, count, mutant, mostBad = 10 } = options;
  const bad: BadSeed[] = [];
  const began = process.cpuUsage();
  let store = await openMemory();
  const sum = { histories: 0, turns: 0, drivers: 0, faults: 0 };
  const struck: Record<string, number> = {};
  while (sum.histories < count && bad.length < mostBad && options.isOver?.() !== true) {
    const seed = first + sum.histories;
    sum.histories += 1;
    if (sum.histories % historiesPerStore === 0) {
      await store.close();
      store = await openMemory();
      // Lets signals and messages of the surroundings through.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const scenario = makeScenario(seed);
    const { violations, ...played } = await play(scenario, store, mutant);
    sum.turns += played.turns;
    sum.drivers += played.drivers;
    sum.faults += scenario.faults.length;
    for (const name of played.struck) struck[name] = (struck[name] ?? 0) + 1;
    if (violations.length > 0) bad.push({ seed, violations });
  }
  await store.close();
  const used = process.cpuUsage(began);
  return { ...sum, struck, bad, cpuMs: (used.user + used.system) / 1000 };
}

/** Plays one scenario in a store of its own. */
export async function playScenario(
  scenario: Scenario,
  options: {
    readonly mutant?: Mutant;
    readonly trace?: (atMs: number, line: string) => void;
  } = {},
): Promise<readonly Violation[]> {
  const store = await openMemory();
  try {
    return (await play(scenario, store, options.mutant, options.trace)).violations;
  } finally {
    await store.close();
  }
}

/** The smallest scenario that breaks a promise of the same kind as this one. */
export async function shrinkScenario(scenario: Scenario, mutant?: Mutant): Promise<Scenario> {
  const found = await playScenario(scenario, mutant === undefined ? {} : { mutant });
  const kinds = new Set(found.map(({ kind }) => kind));
  return shrink(scenario, async (smaller) => {
    const violations = await playScenario(smaller, mutant === undefined ? {} : { mutant });
    return violations.some(({ kind }) => kinds.has(kind));
  });
}

function play(
  scenario: Scenario,
  store: Store,
  mutant?: Mutant,
  trace?: (atMs: number, line: string) => void,
): Promise<HistoryResult> {
  return playHistory({
    scenario,
    store,
    runId: `r-${scenario.seed}`,
    ...(mutant === undefined ? {} : { mutant }),
    ...(trace === undefined ? {} : { trace }),
  });
}

/** No statement of the simulation ever waits for another process. */
export const still = {
  now: () => 0,
  monotonic: () => 0,
  sleep: () => new Promise<void>(() => undefined),
};

function openMemory(): Promise<Store> {
  return openStore({ path: ":memory:", clock: still, newId: () => "simulation" });
}
