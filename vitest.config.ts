import { defineConfig } from "vitest/config";
import type { TestSpecification } from "vitest/node";
import { BaseSequencer } from "vitest/node";

// Tests run on sources: no build comes first.
const conditions = ["@gpujob/source"];
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};

/**
 * Tests of real processes and networks keep real time, and a shared CI computer may stand still for seconds. There such a
 * test gets one more try, which the report names; elsewhere it gets none.
 */
const realTime = process.env["CI"] === undefined ? {} : { retry: 1 };

/** These wait for processes, timers and networks most of their time: a few at once take little more processor. */
const waiting = { maxWorkers: 3, maxConcurrency: 3 };

/** These wait longest: begun last, each would go on alone at the end. */
const longest = ["containers/aliyun", "containers/spine", "containers/fault-machine"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.includes(name));
      return place < 0 ? longest.length : place;
    };
    // eslint-disable-next-line unicorn/no-array-sort -- the sequencer's, not an array's
    const usual = await super.sort(files);
    return usual.toSorted((one, other) => rank(one) - rank(other));
  }
}

/**
 * One project per kind of test; `npm test` runs them all, `--project unit` one. Groups run one after another, so that
 * the simulation's load does not slow down what measures real time.
 */
function project(
  name: string,
  groupOrder: number,
  include: string[],
  options: object = {},
): { readonly test: object } {
  return {
    ...shared,
    test: { name, include, environment: "node", sequence: { groupOrder }, ...options },
  };
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      // Some of these start real processes: a busy computer must not make them fail.
      project(
        "unit",
        0,
        [
          "packages/*/src/**/*.test.ts",
          "adapters/*/src/**/*.test.ts",
          "adapters/*/test/**/*.test.ts",
          "scripts/**/*.test.mjs",
        ],
        { maxWorkers: 2, testTimeout: 60_000, hookTimeout: 60_000 },
      ),
      project("stories", 0, ["test/stories/**/*.test.ts"], {
        maxWorkers: 2,
        testTimeout: 30_000,
      }),
      project("simulation", 1, ["test/simulation/**/*.test.ts"], {
        testTimeout: 120_000,
        // As in `scripts/simulate.mjs`.
        execArgv: ["--single-threaded-gc", "--max-semi-space-size=64"],
      }),
      project("cli", 2, ["test/cli/**/*.test.ts"], {
        ...realTime,
        ...waiting,
        testTimeout: 120_000,
        hookTimeout: 60_000,
      }),
      project("faults", 2, ["test/faults/**/*.test.ts"], {
        ...realTime,
        ...waiting,
        testTimeout: 300_000,
        hookTimeout: 60_000,
      }),
      project("examples", 3, ["test/examples/**/*.test.ts"], {
        ...realTime,
        testTimeout: 180_000,
        hookTimeout: 60_000,
      }),
      project("containers", 4, ["test/containers/**/*.test.ts"], {
        ...realTime,
        testTimeout: 300_000,
        hookTimeout: 300_000,
        ...waiting,
      }),
    ],
  },
});
