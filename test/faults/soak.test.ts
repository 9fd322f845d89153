import { describe, it } from "vitest";
import { playSoak } from "./support/soak.ts";

describe("a process that drives many runs, with faults on", () => {
  // The whole soak: node scripts/soak.mjs --jobs 1000 --parallel 50
  it("brings all to their own end and keeps nothing open of those that are over", async ({
    expect,
  }) => {
    const options = { jobs: 20, parallel: 6, seed: 3, sampleMs: 1000 };
    const { problems, samples } = await playSoak(options);
    expect(problems).toEqual([]);
    const [first] = samples;
    const last = samples.at(-1);
    expect(last?.ended).toBe(20);
    // One adapter for each platform has its files open, not one for each run.
    expect((last?.descriptors ?? 0) - (first?.descriptors ?? 0)).toBeLessThan(25);
  });
});
