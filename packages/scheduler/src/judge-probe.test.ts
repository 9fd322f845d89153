import type { HostProbe, ProbedCard } from "@gpujob/spec";
import { describe, it } from "vitest";
import { judgeProbe } from "./index.ts";
import { gpu4090 } from "./testing/samples.ts";

const card: ProbedCard = {
  index: 0,
  name: "NVIDIA GeForce RTX 4090",
  vramGib: 23.99,
  windowTflops: [161, 160.5, 161.2, 160.8, 161.1, 160.9, 161, 160.7, 161.3, 160.6],
  memoryGBps: 920,
  inGBps: 24.6,
  outGBps: 25.9,
  powerLimitWatts: 450,
  usualPowerLimitWatts: 450,
  slowedBy: [],
};
const probe: HostProbe = {
  method: "torch",
  driver: "550.127.05",
  cards: [card],
  diskWriteMBps: 1210,
  downloads: [],
  unmeasured: ["download: the place names no mirror"],
};
const usual = {
  tflops: { value: 162, source: "the median of 5 of your own" },
  memoryGBps: { value: 925, source: "the median of 5 of your own" },
};

describe("the verdict over a probe", () => {
  const problemsOf = (change: Partial<ProbedCard>, known = usual): readonly string[] =>
    judgeProbe({ ...probe, cards: [{ ...card, ...change }] }, { gpu: gpu4090 }, known).problems;

  it("keeps a machine that does what is usual, and says what was measured and what was not", ({
    expect,
  }) => {
    expect(judgeProbe(probe, { gpu: gpu4090 }, usual)).toEqual({
      problems: [],
      notes: [
        "Measured: matrices 161 TFLOPS ± 0.2 %, memory 920 GB/s, link 24.6 GB/s in, 25.9 GB/s out, disk 1210 MB/s written, driver 550.127.05.",
        "Not measured: download: the place names no mirror.",
      ],
    });
  });

  it("refuses one that is slower than 95 % of its kind, and names by what that was told", ({
    expect,
  }) => {
    const slow = card.windowTflops.map((each) => each * 0.9);
    expect(problemsOf({ windowTflops: slow })).toEqual([
      "the matrix rate of card 0 is 89 % of what is usual (the median of 5 of your own)",
    ]);
    expect(problemsOf({ memoryGBps: 850 })).toHaveLength(1);
    const nearly = card.windowTflops.map((each) => each * 0.96);
    expect(problemsOf({ windowTflops: nearly })).toEqual([]);
  });

  it("refuses one whose rate fluctuates by more than 2 %, that is throttled, capped or smaller than sold", ({
    expect,
  }) => {
    const shaking = card.windowTflops.map((each, at) => each * (at % 2 === 0 ? 1.03 : 0.97));
    expect(problemsOf({ windowTflops: shaking })).toEqual([
      "the rate of card 0 fluctuates by 3.1 %, the line is 2.0 %",
    ]);
    expect(problemsOf({ slowedBy: ["heat"] })).toEqual(["card 0 was slowed down by heat"]);
    expect(problemsOf({ powerLimitWatts: 350 })).toEqual([
      "the power of card 0 is capped at 350 W, 450 W are usual",
    ]);
    expect(problemsOf({ vramGib: 12 })).toEqual(["card 0 has 12.0 GiB, 24 were sold"]);
    const two = { gpu: { ...gpu4090, count: 2 } };
    expect(judgeProbe(probe, two, usual).problems).toEqual(["only 1 of 2 cards can be used"]);
  });

  it("never counts what could not be measured, neither for nor against the machine", ({
    expect,
  }) => {
    const blind: HostProbe = {
      cards: [],
      downloads: [],
      unmeasured: ["matrix rate: no Python 3 on the machine"],
    };
    expect(judgeProbe(blind, { gpu: gpu4090 }, usual)).toEqual({
      problems: [],
      notes: [
        "Nothing could be measured.",
        "Not measured: matrix rate: no Python 3 on the machine.",
      ],
    });
    const verdict = judgeProbe(probe, { gpu: gpu4090 }, {});
    expect(verdict.problems).toEqual([]);
    expect(verdict.notes.at(-1)).toContain("held against nothing");
    expect(
      judgeProbe({ ...probe, cards: [{ ...card, windowTflops: [1, 160] }] }, {}, {}).problems,
    ).toEqual([]);
  });
});
