// @ts-check
// The deterministic simulation by hand: a million histories, the mutation gate, or one seed in full.
//
//   node scripts/simulate.mjs [--histories 1000000] [--seed 1]
//   node scripts/simulate.mjs --mutants
//   node scripts/simulate.mjs --replay 4711 [--shrink] [--mutant no-freeze]
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled, repository } from "./lib/install.mjs";

ensureInstalled();

if (!process.execArgv.includes("--conditions=@gpujob/source")) {
  // The project's own Node, on the sources as they are.
  const words = ["--conditions=@gpujob/source", import.meta.filename, ...process.argv.slice(2)];
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
const batchSize = 2000;
const gateMs = 60_000;

if (values.replay !== undefined) process.exitCode = await replaySeed(Number(values.replay));
else if (values.mutants) process.exitCode = await checkMutants();
else process.exitCode = await simulate(Number(values.histories), Number(values.seed));

/**
 * @typedef {{ first: number, count: number, mutant?: string, mostBad?: number, timeMs?: number }} Work
 * @typedef {import("../test/simulation/run-histories.ts").BatchReport} Report
 * @param {Work} work
 * @returns {Promise<Report>}
 */
async function runBatch(work) {
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(join(folder, "worker.ts"), {
    workerData: work,
    // Almost nothing outlives a history, so that rarer collections cost less.
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
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
  const began = performance.now();
  let next = first;
  let done = 0;
  let told = began;
  /** @type {import("../test/simulation/run-histories.ts").BadSeed[]} */
  const bad = [];
  const work = async () => {
    while (next < first + histories && bad.length < 20) {
      const from = next;
      next = Math.min(first + histories, from + batchSize);
      const report = await runBatch({
        first: from,
        count: next - from,
        ...(values.mutant === undefined ? {} : { mutant: values.mutant }),
      });
      done += report.histories;
      for (const one of report.bad) {
        bad.push(one);
        const what = one.violations.map((each) => `${each.kind}: ${each.what}`);
        console.log(`seed ${one.seed}: ${what.join("; ")}`);
      }
      if (performance.now() - told < 10_000) continue;
      told = performance.now();
      console.log(`${done} histories, ${rate(done, began)} a second, ${bad.length} bad seeds`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, work));
  console.log(`${done} histories, ${rate(done, began)} a second, ${bad.length} bad seeds`);
  await showSmallest(bad);
  return bad.length > 0 ? 1 : 0;
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

/**
 * @param {number} done
 * @param {number} began
 */
function rate(done, began) {
  return Math.round((done * 1000) / (performance.now() - began));
}

/** Takes each ingredient out in turn; the simulation must notice within a minute. */
async function checkMutants() {
  const { mutants } = await import("../test/simulation/mutants.ts");
  let survived = 0;
  for (const { name, missing } of mutants) {
    const began = performance.now();
    const work = { first: Number(values.seed), count: 1e9, mutant: name, mostBad: 1 };
    const { bad, histories } = await runBatch({ ...work, timeMs: gateMs });
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
