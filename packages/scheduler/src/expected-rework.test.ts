import { describe, it } from "vitest";
import { expectedReworkSeconds } from "./index.ts";

describe("expectedReworkSeconds", () => {
  it("is nothing without interruptions or without work", ({ expect }) => {
    const run = { workSeconds: 3600, interruptionsPerHour: 0, restartSeconds: 60 };
    expect(expectedReworkSeconds(run)).toBe(0);
    expect(expectedReworkSeconds({ ...run, interruptionsPerHour: 1, workSeconds: 0 })).toBe(0);
  });

  it("is half a stretch and a restart for each interruption while they are rare", ({ expect }) => {
    const seconds = expectedReworkSeconds({
      workSeconds: 36_000,
      interruptionsPerHour: 0.01,
      checkpointSeconds: 600,
      restartSeconds: 120,
    });
    expect(seconds / (10 * 0.01 * (300 + 120))).toBeCloseTo(1, 2);
  });

  it("grows with the time between checkpoints, and is largest without them", ({ expect }) => {
    const run = { workSeconds: 7200, interruptionsPerHour: 0.5, restartSeconds: 60 };
    const often = expectedReworkSeconds({ ...run, checkpointSeconds: 60 });
    const seldom = expectedReworkSeconds({ ...run, checkpointSeconds: 1800 });
    expect(often).toBeLessThan(seldom);
    expect(seldom).toBeLessThan(expectedReworkSeconds(run));
    expect(expectedReworkSeconds({ ...run, checkpointSeconds: 1e9 })).toBe(
      expectedReworkSeconds(run),
    );
  });

  it("agrees with the average of simulated runs", ({ expect }) => {
    const run = {
      workSeconds: 3600,
      interruptionsPerHour: 1.5,
      checkpointSeconds: 900,
      restartSeconds: 200,
    };
    const random = seededRandom(7);
    const runs = 20_000;
    let total = 0;
    for (let at = 0; at < runs; at++) total += simulate(run, random);
    const surplus = total / runs - run.workSeconds;
    expect(surplus / expectedReworkSeconds(run)).toBeCloseTo(1, 1.5);
  });
});

/** Plays one run: stretches are repeated until no interruption falls into them. */
function simulate(
  run: {
    readonly workSeconds: number;
    readonly interruptionsPerHour: number;
    readonly checkpointSeconds: number;
    readonly restartSeconds: number;
  },
  random: () => number,
): number {
  let elapsed = 0;
  for (let saved = 0; saved < run.workSeconds;) {
    const untilInterruption = (-Math.log(1 - random()) / run.interruptionsPerHour) * 3600;
    if (untilInterruption < run.checkpointSeconds) {
      elapsed += untilInterruption + run.restartSeconds;
    } else {
      elapsed += run.checkpointSeconds;
      saved += run.checkpointSeconds;
    }
  }
  return elapsed;
}

/** A small generator of evenly spread numbers from 0 to 1, the same ones every time. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
