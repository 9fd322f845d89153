import { describe, it } from "vitest";
import { playSoak } from "./support/soak.ts";

describe("a process that drives many runs, with faults on", () => {
  // The whole soak: node scripts/soak.mjs --jobs 1000 --parallel 50
  it("brings all to their own end and keeps nothing open of those that are over", async ({
    expect,
  }) => {
    const { problems, samples } = await playSoak({ jobs: 20, parallel: 6, seed: 3 });
    expect(problems).toEqual([]);
    expect(samples.at(-1)?.ended).toBe(20);
    // One adapter for each platform has its files open, not one for each run.
    const [first, ...later] = samples.map(({ descriptors }) => descriptors);
    for (const count of later) expect(count - (first ?? 0)).toBeLessThan(6);
  });
});
