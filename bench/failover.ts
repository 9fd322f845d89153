import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Benchmark, BenchOptions, Line } from "./support/benchmark.ts";
import { openJournal } from "./support/journal.ts";
import { inFolder, startGpujob, until, writeConfig } from "./support/gpujob.ts";
import { withLab } from "./support/lab.ts";
import { median, percentile } from "./support/measure.ts";

const job = (gpu: string): string => `name: bench
resources: { ${gpu} }
market: auto
workdir: .
checkpoint: { path: ckpt, every: 3s, grace: 2s }
run: |
  mkdir -p ckpt; i=$(cat ckpt/step 2>/dev/null || echo 0)
  echo "begin at $i, resumed=$GPUJOB_RESUME"
  while [ "$i" -lt 200 ]; do
    i=$((i + 1)); echo "step $i."; sleep 1
    [ $((i % 5)) -gt 0 ] || { echo "$i" > ckpt/new; mv ckpt/new ckpt/step; }
  done
`;
const market = `platforms:
  spot:
    adapter: mock
    boot: 1s
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 1 CNY/h, market: spot }]
    faults: [{ on: lease, do: interrupt, after: 18s, notice: 10s }]
  steady:
    adapter: mock
    boot: 1s
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 2 CNY/h }]
`;

/** A trial that takes longer is over, and counts as this. */
const mostMs = 90_000;

/** From the loss of a machine to the job's first line on the next one, which is ready. */
export const benchmark: Benchmark = {
  name: "failover",
  needsContainers: true,
  run: async (options) => [...(await measureLoss(options)), ...(await measureNotice(options))],
};

async function measureLoss({ trials = 3 }: BenchOptions): Promise<readonly Line[]> {
  const times: number[] = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await withLab(2, async ({ home, hosts: [used] }) => {
      await writeFile(join(home, "job.yaml"), job(""));
      const call = startGpujob(["submit", "job.yaml", "-y"], { home, timeoutMs: 300_000 });
      await call.sees("step 12.");
      // Without a fresh checkpoint the engine waits for the old host for minutes, as it should.
      const journal = await openJournal(home);
      await journal.next("checkpoint-saved", (await journal.list("checkpoint-saved")).length);
      await journal.close();
      await used?.kill();
      const lostAt = performance.now();
      const gaveUpAt = lostAt + mostMs;
      await until(
        () => call.out().includes("resumed=1") || performance.now() > gaveUpAt,
        "A line",
        2 * mostMs,
      );
      times.push(performance.now() - lostAt);
      call.kill("SIGKILL");
      await call.result;
    });
  }
  const detail = `${trials} hosts destroyed: ${times.map((ms) => (ms / 1000).toFixed(1)).join(", ")} s`;
  const what = "host lost to the first new line on the next ready host";
  return [
    {
      what: `${what}, p50`,
      value: median(times) / 1000,
      unit: "s",
      limit: 15,
      side: "most",
      detail,
    },
    {
      what: `${what}, p99`,
      value: percentile(times, 0.99) / 1000,
      unit: "s",
      limit: 30,
      side: "most",
      detail: trials < 50 ? `the worst of ${trials} trials; --trials 50 for more` : detail,
    },
  ];
}

/** On the simulated market, whose machines are real processes: from the notice in the journal to the next first line. */
async function measureNotice({ trials = 3 }: BenchOptions): Promise<readonly Line[]> {
  const times: number[] = [];
  for (let trial = 0; trial < Math.min(trials, 2); trial += 1) {
    await inFolder(async (home) => {
      await writeConfig(home, market);
      await writeFile(join(home, "job.yaml"), job('gpu: "RTX4090:24GB:1"'));
      const call = startGpujob(["submit", "job.yaml", "-y"], { home });
      await call.sees("step 1.");
      const journal = await openJournal(home);
      const { at } = await journal.next("interruption-noticed");
      await journal.close();
      const seenAt = performance.timeOrigin + (await call.sees("resumed=1"));
      times.push(seenAt - at);
      await startGpujob(["stop", "--all", "--now"], { home }).result;
      await call.result;
    });
  }
  return [
    {
      what: "notice of an interruption to the first new line on the next machine, p50",
      value: median(times) / 1000,
      unit: "s",
      limit: 10,
      side: "most",
      detail: `simulated market, boot 1 s, notice 10 s: ${times.map((ms) => (ms / 1000).toFixed(1)).join(", ")} s`,
    },
  ];
}
