import { defineConfig } from "vitest/config";

// Tests run on sources: no build comes first.
const conditions = ["@gpujob/source"];
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};

/** One project per kind of test; `npm test` runs them all, `--project unit` one. */
function project(name: string, include: string[], options: object = {}): object {
  return { ...shared, test: { name, include, environment: "node", ...options } };
}

export default defineConfig({
  test: {
    projects: [
      project("unit", [
        "packages/*/src/**/*.test.ts",
        "adapters/*/src/**/*.test.ts",
        "adapters/*/test/**/*.test.ts",
      ]),
      project("stories", ["test/stories/**/*.test.ts"], { testTimeout: 30_000 }),
      project("simulation", ["test/simulation/**/*.test.ts"], { testTimeout: 120_000 }),
      project("cli", ["test/cli/**/*.test.ts"], { testTimeout: 120_000 }),
      project("containers", ["test/containers/**/*.test.ts"], {
        testTimeout: 300_000,
        hookTimeout: 300_000,
        fileParallelism: false,
      }),
    ],
  },
});
