import { describe, it } from "vitest";
import { mutants } from "./mutants.ts";
import { runHistories } from "./run-histories.ts";

Error.stackTraceLimit = 0;

describe("a random history of crashes, partitions and lying platforms", () => {
  it("leaks nothing, runs nothing twice, loses nothing and tells the cost truly, 10,000 times", async ({
    expect,
  }) => {
    const report = await runHistories({ first: 1, count: 10_000 });
    expect(report.bad).toEqual([]);
    expect(report.histories).toBe(10_000);
  });
});

describe("the mutation gate", () => {
  for (const mutant of mutants) {
    it(`notices when the engine does without: ${mutant.missing}`, async ({ expect }) => {
      const endsAt = performance.now() + 60_000;
      const { bad } = await runHistories({
        first: 1,
        count: 1_000_000,
        mutant,
        mostBad: 1,
        isOver: () => performance.now() > endsAt,
      });
      expect(bad).toHaveLength(1);
    });
  }
});
