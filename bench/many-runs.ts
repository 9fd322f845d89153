import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createRealClock } from "@gpujob/adapter-kit/testing";
import { openStore } from "@gpujob/store";
import type { Benchmark } from "./support/benchmark.ts";
import type { FleetReport } from "./support/fleet.ts";
import { inFolder } from "./support/gpujob.ts";
import { median, sideBySide } from "./support/measure.ts";

const runs = 1000;
const steadyMs = 20_000;
/** Without a bound V8 lets garbage pile up to what the machine has. What lives is about 70 MiB. */
const heapMib = 112;

/**
 * A thousand running jobs in one driver process on in-process fake hosts; then it is killed, and a second process goes
 * on with the same store. Times and memory of a whole process: Node, the store, the fakes and the drivers.
 */
export const benchmark: Benchmark = {
  name: "many-runs",
  run: () =>
    inFolder(async (folder) => {
      const path = join(folder, "gpujob.db");
      const first = start(path, "begin");
      await first.report;
      const before = readMemoryMib(first.pid);
      await new Promise((done) => setTimeout(done, steadyMs));
      const steady = readMemoryMib(first.pid);
      first.kill();
      const second = start(path, "resume");
      const resumed = await second.report;
      second.kill();
      const writeMs = await measureWrite(join(folder, "write.db"));
      return [
        {
          what: `${runs} running jobs in one driver process, memory`,
          value: steady.most,
          unit: "MiB",
          limit: 300 / 1.048_576,
          side: "most",
          detail: `most resident set ever, of which ${before.most.toFixed(0)} while starting them all; ${steady.now.toFixed(0)} MiB after ${steadyMs / 1000} s, with --max-old-space-size=${heapMib}; the limit is 300 MB`,
        },
        {
          what: `a crash with ${runs} running jobs: state loaded and effects scheduled`,
          value: resumed.scheduledMs / 1000,
          unit: "s",
          limit: 2,
          side: "most",
          detail: `from opening the store on; ${resumed.begunMs.toFixed(0)} ms until the first effect of every run has begun; the locks of the dead driver count as free; locks that come together wait for the disk together, ${writeMs.toFixed(1)} ms here`,
        },
      ];
    }),
};

function start(
  path: string,
  mode: "begin" | "resume",
): { readonly pid: number; readonly report: Promise<FleetReport>; readonly kill: () => void } {
  const words = [path, mode, String(runs)];
  const program = join(import.meta.dirname, "support", "fleet.ts");
  const execArgv = [`--max-old-space-size=${heapMib}`];
  const child = fork(program, words, { execArgv, stdio: ["ignore", 2, 2, "ipc"] });
  const ended = once(child, "exit").then(([code]): never => {
    throw new Error(`The driver process ended with ${String(code)}.`);
  });
  // Sent by the fleet alone.
  const told = once(child, "message").then(([text]): FleetReport => JSON.parse(String(text)));
  const report = Promise.race([told, ended]);
  ended.catch(() => undefined);
  return { pid: child.pid ?? 0, report, kill: () => void child.kill("SIGKILL") };
}

/** Milliseconds of one write that is on the disk when it is done, as a lock is. */
async function measureWrite(path: string): Promise<number> {
  const store = await openStore({ path, clock: createRealClock(), newId: () => "bench" });
  const times = await sideBySide(100, { write: (round) => store.putValue(`k${round}`, "v") });
  await store.close();
  return median(times.write);
}

function readMemoryMib(pid: number): { readonly most: number; readonly now: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { most: read("VmHWM"), now: read("VmRSS") };
}
