import { openStore } from "@gpujob/store";
import type { Store } from "@gpujob/store";
import type { Violation } from "./checkers.ts";
import { playHistory } from "./history.ts";
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
  /** Milliseconds of processor time of this thread's process. */
  readonly cpuMs: number;
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
  let histories = 0;
  while (histories < count && bad.length < mostBad && options.isOver?.() !== true) {
    const seed = first + histories;
    histories += 1;
    if (histories % historiesPerStore === 0) {
      await store.close();
      store = await openMemory();
      // Lets signals and messages of the surroundings through.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const violations = await play(makeScenario(seed), store, mutant);
    if (violations.length > 0) bad.push({ seed, violations });
  }
  await store.close();
  const used = process.cpuUsage(began);
  return { histories, bad, cpuMs: (used.user + used.system) / 1000 };
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
    return await play(scenario, store, options.mutant, options.trace);
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

async function play(
  scenario: Scenario,
  store: Store,
  mutant?: Mutant,
  trace?: (atMs: number, line: string) => void,
): Promise<readonly Violation[]> {
  const { violations } = await playHistory({
    scenario,
    store,
    runId: `r-${scenario.seed}`,
    ...(mutant === undefined ? {} : { mutant }),
    ...(trace === undefined ? {} : { trace }),
  });
  return violations;
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
