import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Benchmark, Line } from "./support/benchmark.ts";
import { inFolder, runGpujob, runProgram, writeConfig } from "./support/gpujob.ts";
import { describeTimes, ratioOf, sideBySide } from "./support/measure.ts";

const config = `platforms:
  cheap:
    adapter: mock
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 1.32 CNY/h }]
`;
/** The same with every platform whose SDK is large. */
const withClouds = `${config}  aws: { adapter: aws-ec2, accessKeyId: { env: A }, secretAccessKey: { env: B } }
  aliyun: { adapter: aliyun, accessKeyId: { env: A }, accessKeySecret: { env: B } }
`;
const job = `name: bench
resources: { gpu: "RTX4090:24GB:1" }
workdir: .
run: "true"
`;

/** What it costs to start the program, against a Node that does nothing. */
export const benchmark: Benchmark = {
  name: "start-up",
  run: ({ trials = 21 }) =>
    inFolder(async (home) => {
      await writeConfig(home, config);
      // In a folder of its own: the home has the compile cache, which is no part of a job.
      const cwd = join(home, "work");
      await mkdir(cwd);
      await writeFile(join(cwd, "job.yaml"), job);
      // A store with a run in it, as every home has after the first day.
      await runGpujob(["submit", "job.yaml", "-y"], { home, cwd });
      const gpujob = async (...argv: string[]): Promise<void> =>
        void (await runGpujob(argv, { home, cwd }));
      const cloudHome = join(home, "clouds");
      await mkdir(cloudHome);
      await writeConfig(cloudHome, config);
      // The same run in its store; the clouds are not asked for it.
      await runGpujob(["submit", join(cwd, "job.yaml"), "-y"], { home: cloudHome, cwd });
      await writeConfig(cloudHome, withClouds);
      const actions = {
        node: async () => void (await runProgram([process.execPath, "-e", "0"])),
        version: () => gpujob("--version"),
        ps: () => gpujob("ps"),
        psWithClouds: async () => void (await runGpujob(["ps"], { home: cloudHome, cwd })),
        dryRun: () => gpujob("submit", "job.yaml", "--dry-run"),
      };
      // The compile cache is filled by the first call of each.
      await sideBySide(2, actions);
      const times = await sideBySide(trials, actions);
      const line = (what: string, ours: readonly number[], limit: number): Line => ({
        what: `${what} against node -e 0`,
        value: ratioOf(ours, times.node),
        unit: "x",
        limit,
        side: "most",
        detail: `${describeTimes("gpujob", ours)}; ${describeTimes("node", times.node)}`,
      });
      return [
        line("gpujob --version", times.version, 2),
        line("gpujob ps", times.ps, 3),
        {
          what: "gpujob ps with the SDKs of two clouds configured against without",
          value: ratioOf(times.psWithClouds, times.ps),
          unit: "x",
          limit: 1.1,
          side: "most",
          detail: `${describeTimes("with", times.psWithClouds)}; ${describeTimes("without", times.ps)}`,
        },
        line("gpujob submit --dry-run", times.dryRun, 4),
      ];
    }),
};
