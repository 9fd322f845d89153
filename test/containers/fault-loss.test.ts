import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readStored } from "@gpujob/engine";
import { afterAll, describe, it } from "vitest";
import { runGpujob, startGpujob } from "../cli/support/gpujob.ts";
import { isLongRun, openFaultLab, say, until, untilSaved } from "../support/fault-lab.ts";
import type { FaultLab, ShownRun } from "../support/fault-lab.ts";
import { removeTestContainers } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

/** How often the host is killed, and how many of these go on side by side. */
const trials = Number(process.env["GPUJOB_TRIALS"] ?? "1");
const sideBySide = 3;

const job = `name: survivor
workdir: .
checkpoint: { path: ckpt, every: 2s }
run: |
  mkdir -p ckpt; i=$(cat ckpt/step 2>/dev/null || echo 0)
  echo "attempt $GPUJOB_ATTEMPT begins at $i"
  while :; do
    i=$((i + 1)); [ $((i % 25)) != 0 ] || { echo "step $i"; echo "$i" >ckpt/new; mv ckpt/new ckpt/step; }
    sleep 0.2
  done
`;

/** Kills the host of a running job without notice; milliseconds to the first new line from the other one. */
async function loseHost(lab: FaultLab): Promise<number> {
  const submitted = await lab.submit(job);
  await until(() => submitted.out().includes("step 25"), 90_000, submitted);
  await untilSaved(submitted);
  await lab.host(0).kill();
  const tookMs = await until(() => submitted.out().includes("attempt 2"), 120_000, submitted);
  submitted.kill("SIGKILL");
  await submitted.result;
  return tookMs;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

describe.concurrent("a host that dies without notice", () => {
  it(
    "is followed by the first line from another ready host within 15 s at p50 and 30 s at p99",
    async ({ expect }) => {
      const took: number[] = [];
      let left = trials;
      const worker = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          const lab = await openFaultLab({ hosts: [{}, {}] });
          try {
            took.push(await loseHost(lab));
            if (trials > 1) say(`trial ${took.length}: ${took.at(-1)} ms`);
          } finally {
            await lab.close();
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(sideBySide, trials) }, worker));
      const sorted = took.toSorted((one, other) => one - other);
      const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
      say(`host lost → first new line, ${sorted.length} trials: p50 ${p50} ms, p99 ${p99} ms`);
      expect(p99).toBeLessThanOrEqual(30_000);
      // One trial on a busy computer says nothing about the middle of many.
      if (isLongRun) expect(p50).toBeLessThanOrEqual(15_000);
    },
    trials * 120_000 + 60_000,
  );
});

describe.concurrent("a machine that the market takes away with notice", () => {
  it("is followed by the first line from the next one within 10 s of the notice, from what the job saved", async ({
    expect,
    onTestFinished,
  }) => {
    const home = await openMarket(onTestFinished);
    const submitted = startGpujob(["submit", "job.yaml", "-y"], {
      home,
      cwd: join(home, "work"),
      timeoutMs: 120_000,
    });
    await until(() => submitted.out().includes("attempt 2"), 90_000, submitted);
    const seenAt = Date.now();
    const { out } = await runGpujob(["show", "--json"], { home });
    const { data } = readStored<{ readonly data: ShownRun }>(out);
    const notice = data.timeline.find(({ type }) => type === "interruption-noticed");
    const tookMs = seenAt - Date.parse(notice?.at ?? "");
    say(`notice → first new line: ${tookMs} ms`);
    expect(tookMs).toBeLessThanOrEqual(10_000);
    expect(submitted.out()).toMatch(/attempt 2 begins at [1-9]/);
    submitted.kill("SIGKILL");
    await submitted.result;
  });
});

/** Two offers; the first machine is interrupted after a while, with ten seconds of notice. */
async function openMarket(onTestFinished: (close: () => Promise<void>) => void): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-hosts-"));
  onTestFinished(async () => {
    await runGpujob(["mock", "reset"], { home });
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });
  await mkdir(join(home, "state"), { mode: 0o700 });
  await mkdir(join(home, "work"));
  const config = `platforms:
  cheap:
    adapter: mock
    boot: 1s
    offers: [{ type: a, price: 1 CNY/h }, { type: b, price: 2 CNY/h }]
    faults: [{ on: lease, nth: 1, after: 15s, do: interrupt, notice: 10s }]
`;
  await writeFile(join(home, "state", "config.yaml"), config, { mode: 0o600 });
  await writeFile(join(home, "work", "job.yaml"), job);
  return home;
}
