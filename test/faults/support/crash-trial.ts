import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFaultHome, until } from "./fault-home.ts";
import type { FaultHome } from "./fault-home.ts";
import { findStrangers, readRunFacts } from "./run-facts.ts";
import type { RunFacts } from "./run-facts.ts";

/** A market and a job on which drivers are killed. */
export interface Scenario {
  readonly name: string;
  readonly config: string;
  readonly job: string;
  /** Does it pass the same points however busy the computer is? */
  readonly isSteady: boolean;
}

/** What one trial showed. */
export interface Trial {
  readonly crashes: readonly string[];
  /** Which of them really happened. */
  readonly happened: readonly string[];
  /** Points that each driver passed, in order. */
  readonly passed: readonly (readonly string[])[];
  readonly end: RunFacts["end"];
  readonly violations: readonly string[];
}

/**
 * Runs a scenario once. The first driver is the attached `submit`, each further one a background driver that a `ps`
 * started; the n-th is killed at the n-th point, and the last one lives.
 */
export async function runTrial(scenario: Scenario, crashes: readonly string[]): Promise<Trial> {
  const home = await makeFaultHome({ config: scenario.config, jobs: { "job.yaml": scenario.job } });
  try {
    return await playTrial(home, crashes);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`${scenario.name}, killed at [${crashes.join(", ")}]: ${problem}`, {
      cause: error,
    });
  } finally {
    await home.remove();
  }
}

async function playTrial(home: FaultHome, crashes: readonly string[]): Promise<Trial> {
  const logOf = (index: number): string => join(home.truth, `passed-${index}`);
  const orders = (index: number): Readonly<Record<string, string>> => ({
    GPUJOB_CRASH_LOG: logOf(index),
    ...(crashes[index] === undefined ? {} : { GPUJOB_CRASH_AT: crashes[index] }),
  });
  const submitted = await home.run(["submit", "job.yaml", "-y"], orders(0));
  const happened = submitted.signal === "SIGKILL" ? crashes.slice(0, 1) : [];
  const [run] = await home.look((gpujob) => gpujob.listRuns({ all: true }));
  if (run === undefined) throw new Error(`there is no run: ${submitted.err}`);
  const isOver = async (): Promise<boolean> =>
    home.look(async (gpujob) => {
      const { endedAt, driver } = await gpujob.showRun(run.id);
      return endedAt !== null || driver?.alive === false;
    });
  for (let index = 1; happened.length === index; index += 1) {
    await home.run(["ps"], orders(index));
    if (crashes[index] === undefined) break;
    const readPassed = async (): Promise<string> =>
      (await readFile(logOf(index), "utf8").catch(() => "")).trimEnd();
    await until("the driver is killed or done", async () =>
      (await readPassed()) === "" ? false : isOver(),
    );
    // The last point of all is behind the end of the run: it is killed there, too.
    if ((await readPassed()).split("\n").at(-1) === crashes[index])
      happened.push(crashes[index] ?? "");
  }
  const waited = await home.run(["wait", run.id, "--timeout", "90s"]);
  if (waited.code === 124) throw new Error("the run does not end");
  return readTrial(home, run.id, { crashes, happened, waited: waited.code, logOf });
}

async function readTrial(
  home: FaultHome,
  runId: string,
  played: {
    readonly crashes: readonly string[];
    readonly happened: readonly string[];
    readonly waited: number | null;
    readonly logOf: (index: number) => string;
  },
): Promise<Trial> {
  const facts = await readRunFacts(home, runId);
  const { attempts, meter } = await home.look(async (gpujob) => ({
    attempts: (await gpujob.showRun(runId)).attempts,
    meter: await gpujob.mockMeter(),
  }));
  const known = attempts.flatMap(({ leases }) => leases.flatMap(({ leaseId }) => leaseId ?? []));
  const passed: (readonly string[])[] = [];
  for (let index = 0; index <= played.happened.length; index += 1) {
    const text = await readFile(played.logOf(index), "utf8").catch(() => "");
    passed.push(text.split("\n").filter((line) => line !== ""));
  }
  const isTold = played.waited === facts.end.exitCode;
  return {
    crashes: played.crashes,
    happened: played.happened,
    passed,
    end: facts.end,
    violations: [
      ...facts.violations,
      ...findStrangers(meter.machines, new Set(known)),
      ...(isTold ? [] : [`wait ended with ${played.waited}, the run with ${facts.end.exitCode}`]),
    ],
  };
}
