// @ts-check
// The deterministic simulation by hand: a million histories, the mutation gate, or one seed in full.
//
//   node scripts/simulate.mjs [--histories 1000000] [--seed 1] [--workers 8]
//   node scripts/simulate.mjs --mutants
//   node scripts/simulate.mjs --replay 4711 [--shrink] [--mutant no-freeze]
//
// An interrupt ends it after the batches under way, and says from which seed to go on.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled, repository } from "./lib/install.mjs";

ensureInstalled();

/** The sources as they are; and each thread collects its own garbage: helpers that wait for each other cost a tenth more. */
const flags = ["--conditions=@gpujob/source", "--single-threaded-gc"];
if (!flags.every((flag) => process.execArgv.includes(flag))) {
  // The project's own Node.
  const words = [...flags, import.meta.filename, ...process.argv.slice(2)];
  const { code } = await runCommand(["node", ...words], { show: true });
  process.exit(code);
}

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    replay: { type: "string" },
    mutant: { type: "string" },
    mutants: { type: "boolean", default: false },
    shrink: { type: "boolean", default: false },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const folder = join(repository, "test", "simulation");
const batchSize = 500;
const gateMs = 60_000;
const tellEveryMs = 10_000;
/** More broken promises than this say nothing new. */
const mostBad = 20;

if (values.replay !== undefined) process.exitCode = await replaySeed(Number(values.replay));
else if (values.mutants) process.exitCode = await checkMutants();
else process.exitCode = await simulate(Number(values.histories), Number(values.seed));

/**
 * @typedef {{ first: number, count: number, mutant?: string, mostBad?: number, timeMs?: number }} Work
 * @typedef {import("../test/simulation/run-histories.ts").BatchReport} Report
 * @typedef {{ run: (work: Work) => Promise<Report>, end: () => Promise<number> }} Player
 */

/**
 * A thread that plays batch after batch: its code stays warm.
 *
 * @returns {Promise<Player>}
 */
async function startPlayer() {
  const { Worker } = await import("node:worker_threads");
  // Almost nothing outlives a history, so that rarer collections cost less.
  const worker = new Worker(join(folder, "worker.ts"), {
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  });
  return {
    run: (work) =>
      new Promise((resolve, reject) => {
        worker.removeAllListeners();
        worker.once("message", resolve);
        worker.once("error", reject);
        // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
        worker.postMessage(work);
      }),
    end: () => worker.terminate(),
  };
}

/**
 * @param {number} seed
 * @param {string} [mutant]
 */
async function replaySeed(seed, mutant = values.mutant) {
  const { replay } = await import("../test/simulation/replay.ts");
  const { violations } = await replay({
    seed,
    isShrunk: values.shrink,
    print: (line) => console.log(line),
    ...(mutant === undefined ? {} : { mutant }),
  });
  return violations > 0 ? 1 : 0;
}

/**
 * @param {number} histories
 * @param {number} first
 */
async function simulate(histories, first) {
  const tally = createTally();
  const until = first + histories;
  let next = first;
  const interrupted = new AbortController();
  let told = performance.now();
  /** First seeds of the batches under way. @type {Set<number>} */
  const open = new Set();
  process.once("SIGINT", () => interrupted.abort());
  process.once("SIGTERM", () => interrupted.abort());
  const work = async () => {
    const player = await startPlayer();
    while (next < until && !interrupted.signal.aborted && tally.bad.length < mostBad) {
      const from = next;
      next = Math.min(until, from + batchSize);
      open.add(from);
      const mutant = values.mutant === undefined ? {} : { mutant: values.mutant };
      tally.add(await player.run({ first: from, count: next - from, ...mutant }));
      open.delete(from);
      if (performance.now() - told < tellEveryMs) continue;
      told = performance.now();
      console.log(`${tally.line()}; all seeds below ${Math.min(next, ...open)} are done`);
    }
    await player.end();
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, work));
  for (const line of tally.summary()) console.log(line);
  if (next < until) console.log(`Go on with --seed ${next} --histories ${until - next}.`);
  await showSmallest(tally.bad);
  return tally.bad.length > 0 ? 1 : 0;
}

/** What all batches showed together. */
function createTally() {
  const began = performance.now();
  const sum = { histories: 0, turns: 0, drivers: 0, faults: 0 };
  /** @type {Record<string, number>} */
  const struck = {};
  /** @type {import("../test/simulation/run-histories.ts").BadSeed[]} */
  const bad = [];
  /** @param {number} total */
  const each = (total) => (total / Math.max(1, sum.histories)).toFixed(1);
  const line = () => {
    const seconds = (performance.now() - began) / 1000;
    const rate = Math.round(sum.histories / seconds);
    const { user, system } = process.cpuUsage();
    const perCpu = Math.round((sum.histories * 1_000_000) / (user + system));
    return `${sum.histories} histories, ${rate} a second, ${perCpu} per second of processor, ${bad.length} bad seeds`;
  };
  return {
    bad,
    line,
    /** @param {Report} report */
    add(report) {
      for (const name of /** @type {const} */ (["histories", "turns", "drivers", "faults"]))
        sum[name] += report[name];
      for (const [name, count] of Object.entries(report.struck))
        struck[name] = (struck[name] ?? 0) + count;
      for (const one of report.bad) {
        bad.push(one);
        const what = one.violations.map(({ kind, what: words }) => `${kind}: ${words}`);
        console.log(`seed ${one.seed}: ${what.join("; ")}`);
      }
    },
    summary: () => [
      line(),
      `Each history: ${each(sum.turns)} steps, ${each(sum.drivers)} drivers, ${each(sum.faults)} faults planned.`,
      "Histories in which a fault did strike:",
      ...Object.entries(struck)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, count]) => `  ${String(count).padStart(8)} ${name}`),
    ],
  };
}

/** @param {readonly import("../test/simulation/run-histories.ts").BadSeed[]} bad */
async function showSmallest(bad) {
  const { shrinkScenario } = await import("../test/simulation/run-histories.ts");
  const { makeScenario } = await import("../test/simulation/make-scenario.ts");
  const { mutants } = await import("../test/simulation/mutants.ts");
  const mutant = mutants.find(({ name }) => name === values.mutant);
  for (const { seed } of bad.slice(0, 3)) {
    const scenario = await shrinkScenario(makeScenario(seed), mutant);
    console.log(`\nseed ${seed}, shrunk; node scripts/simulate.mjs --replay ${seed} --shrink:`);
    console.log(JSON.stringify(scenario));
  }
}

/** Takes each ingredient out in turn; the simulation must notice within a minute. */
async function checkMutants() {
  const { mutants } = await import("../test/simulation/mutants.ts");
  let survived = 0;
  for (const { name, missing } of mutants) {
    const player = await startPlayer();
    const began = performance.now();
    const work = { first: Number(values.seed), count: 1e9, mutant: name, mostBad: 1 };
    const { bad, histories } = await player.run({ ...work, timeMs: gateMs });
    await player.end();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const [first] = bad;
    const what = first?.violations.map((each) => `${each.kind}: ${each.what}`).join("; ");
    console.log(
      first === undefined
        ? `${name}: NOT noticed in ${histories} histories, ${seconds} s (without ${missing})`
        : `${name}: noticed after ${histories} histories, ${seconds} s, seed ${first.seed}: ${what}`,
    );
    if (first === undefined) survived += 1;
  }
  return survived > 0 ? 1 : 0;
}
