import { afterAll, describe, it } from "vitest";
import { makeScenario } from "./make-scenario.ts";
import { runHistories, shrinkScenario } from "./run-histories.ts";

const batch = 1000;
/** A few seconds of work, but the computer may be busy with other things. */
const patience = { timeout: 600_000 };

/** Tests that play the histories of these seeds, a thousand at a time; a bad one is shown with its smallest scenario. */
export function describeHistories(first: number, count: number): void {
  // Most errors of a history are expected, and nobody reads where they came from.
  Error.stackTraceLimit = 0;
  const sum = { histories: 0, cpuMs: 0, turns: 0, crashes: 0 };
  afterAll(() => {
    const perSecond = Math.round((sum.histories * 1000) / sum.cpuMs);
    const each = (total: number): string => (total / sum.histories).toFixed(2);
    // oxlint-disable-next-line no-console -- the rate is part of what the run shows
    console.log(
      `${sum.histories} histories, ${perSecond} per second of processor; each ${each(sum.turns)} steps, ${each(sum.crashes)} crashes.`,
    );
  });
  describe("a random history of crashes, partitions and lying platforms", () => {
    for (let from = first; from < first + count; from += batch) {
      const until = Math.min(from + batch, first + count);
      it(
        `leaks, repeats, loses and hides nothing: seeds ${from} to ${until - 1}`,
        patience,
        async ({ expect }) => {
          const report = await runHistories({ first: from, count: until - from, mostBad: 3 });
          sum.histories += report.histories;
          sum.cpuMs += report.cpuMs;
          sum.turns += report.turns;
          sum.crashes += report.struck["crash"] ?? 0;
          const [worst] = report.bad;
          const smallest =
            worst === undefined ? undefined : await shrinkScenario(makeScenario(worst.seed));
          expect({ bad: report.bad, smallest }).toEqual({ bad: [], smallest: undefined });
          expect(report.histories).toBe(until - from);
        },
      );
    }
  });
}
