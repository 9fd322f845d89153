import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Clock } from "@gpujob/spec";
import type { GpujobOptions } from "./gpujob.ts";

/** What the SDK takes from the process, read once. Nothing below it looks at the environment itself. */
export interface Surroundings {
  /** Folder of all state, absolute. */
  readonly home: string;
  /** The user's own home folder. */
  readonly userHome: string;
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Milliseconds that this process has been running. */
  readonly upMs: () => number;
  readonly newId: () => string;
}

export function readSurroundings(options: GpujobOptions): Surroundings {
  const environment = options.environment ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const userHome = environment["HOME"] ?? homedir();
  const home = options.home ?? environment["GPUJOB_HOME"] ?? join(userHome, ".gpujob");
  return {
    home: resolve(cwd, home),
    userHome,
    cwd,
    environment,
    clock: systemClock,
    upMs: () => process.uptime() * 1000,
    newId,
  };
}

/** Makes the state folder, closed to others. */
export async function ensureHome({ home }: Surroundings): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
}

const systemClock: Clock = {
  now: () => Date.now(),
  // Node loads all of its performance hooks for `performance`.
  monotonic: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  sleep: async (ms, { signal }) => {
    // setTimeout takes no more than 2^31 - 1 ms; a longer wait is made of several.
    for (let left = Math.max(0, ms); ; left -= longestTimerMs) {
      await sleepFor(Math.min(left, longestTimerMs), undefined, { signal });
      if (left <= longestTimerMs) return;
    }
  },
};

const longestTimerMs = 2 ** 31 - 1;

/** Twelve characters of `[a-z0-9]`, by the system's randomness. */
function newId(): string {
  return Array.from(randomBytes(12), (byte) => idLetters[byte % idLetters.length]).join("");
}

// 32 letters, so that a byte falls on each equally; none that is read as another.
const idLetters = "abcdefghijkmnpqrstuvwxyz23456789";
