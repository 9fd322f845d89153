import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findOffers, indexOffers } from "@gpujob/scheduler";
import type { CachedQuestion } from "./support/plan-table.ts";
import { capabilities, planJob, readOffers } from "./support/offers.ts";
import type { Benchmark } from "./support/benchmark.ts";
import { inFolder, runProgram } from "./support/gpujob.ts";
import { describeTimes, median, sideBySide } from "./support/measure.ts";

const wanted = 60_000;
const source = join(import.meta.dirname, "support", "plan-table.ts");
const bundling = [
  "--bundle",
  "--platform=node",
  "--format=esm",
  "--conditions=@gpujob/source",
  "--log-level=warning",
];

/**
 * A plan over all that many platforms offer at once. The command keeps no offers between calls yet, so a small program
 * stands for it, bundled as the command is: a fresh Node that reads a cached index, ranks, and prints the table.
 */
export const benchmark: Benchmark = {
  name: "plan-offers",
  run: ({ trials = 11 }) =>
    inFolder(async (folder) => {
      const { offers, origin } = readOffers(wanted);
      const index = indexOffers(offers);
      const program = join(folder, "plan-table.mjs");
      await runProgram(["esbuild", source, ...bundling, `--outfile=${program}`]);
      const job = planJob();
      const capabilitiesByPlatform = capabilities(offers);
      const cached: CachedQuestion = { job, capabilitiesByPlatform, offers: index };
      const cache = join(folder, "offers.json");
      await writeFile(cache, JSON.stringify(cached));
      const question = {
        job,
        index,
        exclusions: [],
        capabilitiesByPlatform,
        rates: [],
        currency: "CNY",
      };
      let fitting = 0;
      const query = async (): Promise<number> => {
        const startedAt = performance.now();
        fitting = findOffers(question).length;
        return performance.now() - startedAt;
      };
      const table = async (): Promise<void> =>
        void (await runProgram([process.execPath, program, cache]));
      await sideBySide(3, { query, table });
      const times = await sideBySide(trials, { query, table });
      const shown = execFileSync(process.execPath, [program, cache], { encoding: "utf8" });
      const rows = shown.trim().split("\n").length - 1;
      if (rows < 10) throw new Error(`The table shows ${rows} rows:\n${shown}`);
      return [
        {
          what: "plan over 60,000 cached offers, process start to table",
          value: median(times.table),
          unit: "ms",
          limit: 300,
          side: "most",
          detail: `${describeTimes("a program on the scheduler", times.table)}; ${offers.length} offers, ${origin}; gpujob itself caches none yet`,
        },
        {
          what: "the query for what fits among them",
          value: median(times.query),
          unit: "ms",
          limit: 5,
          side: "most",
          detail: `${describeTimes("findOffers", times.query)}; ${fitting} fit`,
        },
      ];
    }),
};
