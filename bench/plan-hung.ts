import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Benchmark } from "./support/benchmark.ts";
import { inFolder, startGpujob, writeConfig } from "./support/gpujob.ts";
import { describeTimes, median, timeOf } from "./support/measure.ts";
import { portOf } from "./support/port.ts";

const platforms = 15;
const hung = 3;

interface PlanAnswer {
  readonly data: {
    readonly candidates: readonly { readonly platform: string }[];
    readonly missing: readonly { readonly platform: string }[];
  };
}

/** A plan while some platforms take the question and never answer. */
export const benchmark: Benchmark = {
  name: "plan-hung",
  run: ({ trials = 5 }) =>
    inFolder(async (home) => {
      const silent = createServer(() => undefined).listen(0, "127.0.0.1");
      await once(silent, "listening");
      await writeConfig(home, makeConfig(portOf(silent)));
      const job = 'name: bench\nresources: { gpu: "RTX4090:24GB:1" }\nrun: "true"\n';
      await writeFile(join(home, "job.yaml"), job);
      const times: number[] = [];
      let answered = platforms;
      for (let trial = 0; trial < trials; trial += 1) {
        times.push(
          await timeOf(async () => {
            const argv = ["plan", "job.yaml", "--json"];
            const environment = { BENCH_TOKEN: "none" };
            const { out } = await startGpujob(argv, { home, environment }).result;
            answered = Math.min(answered, countAnswered(out));
          }),
        );
      }
      silent.close();
      return [
        {
          what: `plan with ${hung} of ${platforms} platforms hung`,
          value: median(times) / 1000,
          unit: "s",
          limit: 3,
          side: "most",
          detail: describeTimes("process start to end", times),
        },
        {
          what: `of the other ${platforms - hung} platforms, those in that plan`,
          value: answered,
          unit: "",
          limit: platforms - hung,
          side: "least",
          detail: "the least of all trials; counted only where the hung ones are named as missing",
        },
      ];
    }),
};

function makeConfig(port: number): string {
  const live = Array.from(
    { length: platforms - hung },
    (_, index) =>
      `  live${index}:\n    adapter: mock\n    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: ${index + 1} CNY/h }]\n`,
  );
  const dead = Array.from(
    { length: hung },
    (_, index) =>
      `  hung${index}:\n    adapter: autodl\n    token: { env: BENCH_TOKEN }\n    endpoint: http://127.0.0.1:${port}\n`,
  );
  return `platforms:\n${[...dead, ...live].join("")}`;
}

/** Platforms with a candidate; none where the answer does not name exactly the hung ones as missing. */
function countAnswered(out: string): number {
  const answer: PlanAnswer = JSON.parse(out);
  const missing = answer.data.missing.map(({ platform }) => platform).toSorted();
  const expected = Array.from({ length: hung }, (_, index) => `hung${index}`);
  if (JSON.stringify(missing) !== JSON.stringify(expected)) return 0;
  return new Set(answer.data.candidates.map(({ platform }) => platform)).size;
}
