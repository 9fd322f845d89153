import { describe, it } from "vitest";
import { makeScenario } from "./make-scenario.ts";
import { mutants } from "./mutants.ts";
import { playScenario, runHistories } from "./run-histories.ts";

Error.stackTraceLimit = 0;
const gateMs = 60_000;

describe("the mutation gate", () => {
  for (const mutant of mutants) {
    it(`notices within a minute when the engine does without: ${mutant.missing}`, async ({
      expect,
    }) => {
      const endsAt = performance.now() + gateMs;
      const { bad } = await runHistories({
        first: 1,
        count: 1_000_000,
        mutant,
        mostBad: 1,
        isOver: () => performance.now() > endsAt,
      });
      expect(bad).toHaveLength(1);
      // It was the mutant, not the history.
      for (const { seed } of bad) expect(await playScenario(makeScenario(seed))).toEqual([]);
    });
  }
});

describe("a seed", () => {
  it("gives the same history each time", async ({ expect }) => {
    for (const seed of [3, 7, 19, 184]) {
      const [one, other] = await Promise.all([record(seed), record(seed)]);
      expect(one.length).toBeGreaterThan(5);
      expect(other).toEqual(one);
    }
  });
});

async function record(seed: number): Promise<readonly string[]> {
  const lines: string[] = [];
  await playScenario(makeScenario(seed), { trace: (atMs, line) => lines.push(`${atMs} ${line}`) });
  return lines;
}
