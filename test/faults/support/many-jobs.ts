import { setTimeout as sleep } from "node:timers/promises";
import type { FaultHome } from "./fault-home.ts";
import { makeFaultHome } from "./fault-home.ts";
import { findStrangers, readRunFacts } from "./run-facts.ts";
import { witnessedJob } from "./scenarios.ts";

/** Numbers from 0 to 1 that are the same for the same seed. */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The code that a job of `makeManyJobs` ends with. */
export function exitCodeOf(index: number): number {
  return index % 5;
}

/** A home with so many short jobs, each with its own length, output and exit code. */
export async function makeManyJobs(options: {
  readonly jobs: number;
  readonly longestMs: number;
  readonly random: () => number;
  readonly config: string;
}): Promise<FaultHome> {
  const jobs: Record<string, string> = {};
  for (let index = 0; index < options.jobs; index += 1) {
    const seconds = (0.2 + (options.random() * options.longestMs) / 1000).toFixed(1);
    jobs[jobFile(index)] = witnessedJob(
      jobName(index),
      `sleep ${seconds}\necho ${index} > "$GPUJOB_OUTPUT_DIR/answer"\necho done\nexit ${exitCodeOf(index)}`,
      "resources: { gpu: RTX4090 }\nmarket: auto\nretry: { interruptions: 50 }\n",
    );
  }
  return makeFaultHome({ config: options.config, jobs });
}

export function jobName(index: number): string {
  return `job-${index}`;
}

export function jobFile(index: number): string {
  return `${jobName(index)}.yaml`;
}

/** What all runs of such a home came to. */
export interface ManyJobs {
  readonly problems: readonly string[];
  readonly machines: number;
  /** How far our ledger is off the market's meter on the machine where it is furthest, in seconds. */
  readonly worstSeconds: number;
}

/** Checks every run of such a home: all there once, with their own end, nothing left, the ledger true. */
export async function checkManyJobs(home: FaultHome, count: number): Promise<ManyJobs> {
  const { runs, machines } = await home.look(async (gpujob) => ({
    runs: await gpujob.listRuns({ all: true }),
    machines: (await gpujob.mockMeter()).machines,
  }));
  const problems: string[] = [];
  let worstSeconds = 0;
  for (let index = 0; index < count; index += 1) {
    const own = runs.filter(({ name }) => name === jobName(index));
    const [run] = own;
    if (run === undefined || own.length > 1) {
      problems.push(`${jobName(index)} has ${own.length} runs`);
      continue;
    }
    const { end, violations, ledgerOffBy } = await readRunFacts(home, run.id);
    worstSeconds = Math.max(worstSeconds, ...ledgerOffBy);
    const isRight = end.exitCode === exitCodeOf(index) && end.outputs.includes("answer");
    if (!isRight || end.billing !== "ended") problems.push(`${run.name}: ${JSON.stringify(end)}`);
    problems.push(...violations.map((violation) => `${run.name}: ${violation}`));
  }
  const leases = runs.flatMap(({ attempts }) => attempts.flatMap((attempt) => attempt.leases));
  const known = new Set(leases.flatMap(({ leaseId }) => leaseId ?? []));
  return {
    problems: [...problems, ...findStrangers(machines, known)],
    machines: machines.length,
    worstSeconds,
  };
}

/** Waits; for parents that kill at random. */
export async function pause(ms: number): Promise<void> {
  await sleep(ms);
}
