import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resetMarket } from "@gpujob/adapter-mock";
import { createGpujob } from "@gpujob/sdk";
import type { Gpujob } from "@gpujob/sdk";
import { runGpujob, startGpujob } from "../../cli/support/gpujob.ts";
import type { Call, CallResult } from "../../cli/support/gpujob.ts";
import { readProcesses } from "./processes.ts";

/** A home of its own on simulated markets, for tests and for the scripts that run without a test runner. */
export interface FaultHome {
  readonly home: string;
  /** Folder of the job files; outputs come here. */
  readonly cwd: string;
  /** Folder that jobs write to beside all that gpujob knows: what really happened. */
  readonly truth: string;
  readonly run: (words: readonly string[], more?: Environment) => Promise<CallResult>;
  /** Killed after `timeoutMs`. @default two minutes */
  readonly start: (words: readonly string[], more?: Environment, timeoutMs?: number) => Call;
  /** The library on this home; it drives nothing. */
  readonly look: <T>(action: (gpujob: Gpujob) => Promise<T>) => Promise<T>;
  /** Lines of a file that jobs wrote in `truth`; none when there is no such file. */
  readonly readTruth: (name: string) => Promise<readonly string[]>;
  /** Ends every machine and removes the folder. */
  readonly remove: () => Promise<void>;
}

export type Environment = Readonly<Record<string, string>>;

/** Makes a home with a configuration and job files by name, in which `TRUTH` stands for the folder `truth`. */
export async function makeFaultHome(options: {
  readonly config: string;
  readonly jobs: Readonly<Record<string, string>>;
  readonly environment?: Environment;
}): Promise<FaultHome> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-fault-"));
  const state = join(home, "state");
  const cwd = join(home, "project");
  const truth = join(home, "truth");
  await mkdir(state, { mode: 0o700 });
  await mkdir(cwd);
  await mkdir(truth);
  await writeFile(join(state, "config.yaml"), options.config, { mode: 0o600 });
  for (const [name, text] of Object.entries(options.jobs)) {
    await writeFile(join(cwd, name), text.replaceAll("TRUTH", truth));
  }
  // Compiled once for all homes: most of a short call is spent on it otherwise.
  const shared = { NODE_COMPILE_CACHE: join(tmpdir(), `gpujob-fault-cache-${process.getuid?.()}`) };
  const call = (more: Environment) => ({
    home,
    cwd,
    environment: { ...shared, ...options.environment, ...more },
    timeoutMs: 120_000,
  });
  return {
    home,
    cwd,
    truth,
    run: (words, more = {}) => runGpujob(words, call(more)),
    start: (words, more = {}, timeoutMs = 120_000) =>
      startGpujob(words, { ...call(more), timeoutMs }),
    async look(action) {
      const gpujob = createGpujob({ home: state, cwd, environment: { HOME: home } });
      try {
        return await action(gpujob);
      } finally {
        await gpujob.close();
      }
    },
    async readTruth(name) {
      const text = await readFile(join(truth, name), "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
    async remove() {
      endDrivers(state);
      await resetMarket(join(state, "platforms"));
      await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** Background drivers of a home that goes away would look for it for ever. */
function endDrivers(state: string): void {
  for (const { pid, argv, environment } of readProcesses()) {
    const isOurs = environment.includes(`GPUJOB_HOME=${state}\0`) && / drive r-/.test(argv);
    if (isOurs) process.kill(pid, "SIGKILL");
  }
}

/** Waits until something holds; throws with its name when it does not within the limit. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`within ${limitMs / 1000} s it did not come true that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Does something with each item, so many at a time; the results are in order. */
export async function forEachOf<Item, Result>(
  items: readonly Item[],
  places: number,
  action: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = [...items.entries()];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      results[next[0]] = await action(next[1]);
    }
  };
  await Promise.all(Array.from({ length: places }, work));
  return results;
}
