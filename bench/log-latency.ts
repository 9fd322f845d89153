import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { SshHost } from "@gpujob/test/support/ssh-hosts.ts";
import type { Benchmark } from "./support/benchmark.ts";
import { startGpujob } from "./support/gpujob.ts";
import { withLab } from "./support/lab.ts";
import { median, percentile, timeOf } from "./support/measure.ts";

const lineCount = 600;

/** Writes the time as it is now, 20 times a second; container and user share one clock. */
const job = (count: number): string => `name: bench
run: |
  python3 -uc '
  import time
  for n in range(${count}):
      print("at", time.time_ns(), flush=True)
      time.sleep(0.05)
  '
`;

/** From the moment a job writes a line to the moment the user's terminal has it. */
export const benchmark: Benchmark = {
  name: "log-latency",
  needsContainers: true,
  run: () =>
    withLab(1, async ({ home, hosts: [host] }) => {
      if (host === undefined) throw new Error("There is no host.");
      await writeFile(join(home, "job.yaml"), job(lineCount));
      const call = startGpujob(["submit", "job.yaml", "-y"], { home });
      const latencies: number[] = [];
      let rest = "";
      call.onOut((text) => {
        const nowMs = performance.timeOrigin + performance.now();
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const [, at] = /^at (\d+)$/.exec(line) ?? [];
          if (at !== undefined) latencies.push(nowMs - Number(BigInt(at) / 1000n) / 1000);
        }
      });
      const { code, err } = await call.result;
      if (code !== 0 || latencies.length !== lineCount)
        throw new Error(
          `${latencies.length} of ${lineCount} lines came, exit code ${code}:\n${err}`,
        );
      const roundTripMs = await measureRoundTrip(host);
      const show = (share: number): string => percentile(latencies, share).toFixed(1);
      return [
        {
          what: "log latency from the job's write to the user's terminal, over the round trip, p99",
          value: percentile(latencies, 0.99) - roundTripMs,
          unit: "ms",
          limit: 50,
          side: "most",
          detail: `p50 ${show(0.5)}, p90 ${show(0.9)}, p99 ${show(0.99)}, most ${show(1)} ms of ${lineCount} lines; round trip ${roundTripMs.toFixed(2)} ms`,
        },
      ];
    }),
};

/** As long as a connection takes, which is one round trip. */
async function measureRoundTrip({ host, port }: SshHost): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    times.push(
      await timeOf(
        () =>
          new Promise<void>((settle, fail) => {
            const socket = connect({ host, port }, () => {
              socket.destroy();
              settle();
            });
            socket.once("error", fail);
          }),
      ),
    );
  }
  return median(times);
}
