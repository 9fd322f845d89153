import { describe, it } from "vitest";
import { playStorm } from "./support/kill-storm.ts";

describe("one driver of many runs", () => {
  // The whole storm: node scripts/kill-drivers.mjs --kills 300 --jobs 20
  it("brings each to its own end once, however often it is killed", async ({ expect }) => {
    const { kills, problems } = await playStorm({ kills: 8, jobs: 5, seed: 7 });
    expect(kills).toBe(8);
    expect(problems).toEqual([]);
  });
});
