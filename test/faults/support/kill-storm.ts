import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { bundleDriver } from "./bundle-driver.ts";
import type { FaultHome } from "./fault-home.ts";
import { checkManyJobs, makeManyJobs, makeRandom, pause } from "./many-jobs.ts";
import type { ManyJobs } from "./many-jobs.ts";

const config = `platforms:
  cheap:
    adapter: mock
    boot: 500ms
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 3.6 CNY/h }]
`;

/** How long a driver lives once it is up; some jobs are longer than the whole storm, some end within one life. */
const meanLifeMs = 1250;

/** What a storm of kills came to. */
export interface Storm extends ManyJobs {
  readonly kills: number;
}

/**
 * One process drives many runs and is killed at random moments, again and again; the last one may finish. New jobs come
 * in over the whole storm, so that kills fall on every phase.
 */
export async function playStorm(options: {
  readonly kills: number;
  readonly jobs: number;
  readonly seed: number;
  readonly onKill?: (kills: number) => void;
}): Promise<Storm> {
  const random = makeRandom(options.seed);
  const longestMs = options.kills * meanLifeMs;
  const home = await makeManyJobs({ jobs: options.jobs, longestMs, random, config });
  try {
    const program = await bundleDriver(join(home.home, "driver"));
    let kills = 0;
    let early = 0;
    while (kills < options.kills && early <= options.jobs) {
      const share = (kills + 1) / (0.6 * options.kills);
      const count = Math.min(options.jobs, Math.ceil(options.jobs * share) + early);
      if (await driveFor(home, program, count, 2 * random() * meanLifeMs)) {
        kills += 1;
        options.onKill?.(kills);
      } else {
        // All that were there had ended before: the next job comes sooner.
        early += 1;
      }
    }
    await driveFor(home, program, options.jobs, Number.POSITIVE_INFINITY);
    return { kills, ...(await checkManyJobs(home, options.jobs)) };
  } finally {
    await home.remove();
  }
}

/** Starts the driver and kills it so long after it is up; false when it had finished before. */
async function driveFor(
  home: FaultHome,
  program: string,
  count: number,
  ms: number,
): Promise<boolean> {
  const words = [program, join(home.home, "state"), home.cwd];
  const child = spawn(process.execPath, [...words, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], HOME: home.home },
  });
  const ended = once(child, "close");
  await Promise.race([once(child.stdout, "data"), ended]);
  child.stdout.resume();
  if (Number.isFinite(ms)) {
    await Promise.race([pause(ms), ended]);
    child.kill("SIGKILL");
  }
  await ended;
  const [code, signal]: unknown[] = await ended;
  if (signal === null && code !== 0) throw new Error(`a driver ended with ${String(code)}`);
  return signal === "SIGKILL";
}
