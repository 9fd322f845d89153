import { beforeAll, describe, it } from "vitest";
import {
  describeVerdict,
  listSingles,
  playOrders,
  playUndisturbed,
} from "./support/kill-points.ts";
import type { Undisturbed } from "./support/kill-points.ts";
import { scenarios } from "./support/scenarios.ts";

// Most of a trial is waiting.
const places = 4;
let played: readonly Undisturbed[] = [];

beforeAll(async () => {
  played = await playUndisturbed(scenarios, places);
});

describe("a driver process that is killed", () => {
  it("leaves nothing behind, runs nothing twice and changes no end, at whatever point it dies", async ({
    expect,
  }) => {
    expect(played.flatMap(({ trial }) => trial.violations)).toEqual([]);
    const orders = listSingles(played);
    expect(orders.length).toBeGreaterThan(40);
    const verdicts = await playOrders(orders, { played, places });
    expect(verdicts.filter(({ problems }) => problems.length > 0).map(describeVerdict)).toEqual([]);
    expect(verdicts.filter(({ isReached }) => !isReached).length).toBeLessThan(6);
  });

  // All pairs: node scripts/kill-drivers.mjs --pairs
  it("and neither does the background driver that took over, when it is killed as well", async ({
    expect,
  }) => {
    const [plain] = played;
    const points = plain?.points ?? [];
    const pairs = points.flatMap((first, index) => {
      const second = points[index + 1 + (index % 3)];
      return index % 5 === 0 && second !== undefined ? [[first, second]] : [];
    });
    const orders = pairs.flatMap((crashes) =>
      plain === undefined ? [] : [{ scenario: plain.scenario, crashes }],
    );
    expect(orders.length).toBeGreaterThan(4);
    const verdicts = await playOrders(orders, { played, places });
    expect(verdicts.filter(({ problems }) => problems.length > 0).map(describeVerdict)).toEqual([]);
  });
});
