import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SshHost } from "@gpujob/test/support/ssh-hosts.ts";
import type { Benchmark } from "./support/benchmark.ts";
import { runProgram, startGpujob } from "./support/gpujob.ts";
import type { Lab } from "./support/lab.ts";
import { withLab } from "./support/lab.ts";

const watchedMs = 40_000;
const job = `name: bench
run: echo started; exec sleep 600
`;

/** What the supervisor takes from the machine that somebody pays for: all that runs there beside a job that sleeps. */
export const benchmark: Benchmark = {
  name: "supervisor",
  needsContainers: true,
  run: () =>
    withLab(1, async (lab) => {
      const {
        home,
        hosts: [host],
      } = lab;
      if (host === undefined) throw new Error("There is no host.");
      await writeFile(join(home, "job.yaml"), job);
      const call = startGpujob(["submit", "job.yaml", "-y"], { home, timeoutMs: 240_000 });
      await call.sees("started");
      await sleep(5000);
      const watched = await measure(lab, host);
      call.kill("SIGKILL");
      await call.result;
      await sleep(5000);
      const alone = await measure(lab, host);
      return [
        {
          what: "supervisor on the host, of one core, with nobody watching",
          value: alone.percent,
          unit: "%",
          limit: 0.3,
          side: "most",
          detail: `${alone.usedMs.toFixed(0)} ms of CPU and ${alone.programs} programs in ${watchedMs / 1000} s, everything in the container counted`,
        },
        {
          what: "supervisor on the host, of one core, while a driver watches, with its sshd",
          value: watched.percent,
          unit: "%",
          limit: 0.3,
          side: "most",
          detail: `${watched.usedMs.toFixed(0)} ms of CPU and ${watched.programs} programs in ${watchedMs / 1000} s, everything in the container counted`,
        },
        {
          what: "supervisor on the host, memory",
          value: Math.max(watched.memoryMib, alone.memoryMib),
          unit: "MiB",
          limit: 20,
          side: "most",
          detail: `proportional set size of every process of the user but sshd, the job's sleep too: ${alone.memoryMib.toFixed(1)} alone, ${watched.memoryMib.toFixed(1)} watched`,
        },
      ];
    }),
};

interface Cost {
  readonly percent: number;
  readonly usedMs: number;
  readonly programs: number;
  readonly memoryMib: number;
}

async function measure(lab: Lab, host: SshHost): Promise<Cost> {
  const emptyMs = -(await readCpuMs(host)) + (await readCpuMs(host));
  const before = await readCpuMs(host);
  const firstPid = await readLastPid(host);
  const startedAt = performance.now();
  await sleep(watchedMs);
  const programs = (await readLastPid(host)) - firstPid;
  const after = await readCpuMs(host);
  const elapsedMs = performance.now() - startedAt;
  // One of the two looks is itself in the difference.
  const usedMs = Math.max(0, after - before - emptyMs);
  const memoryMib = await readMemoryMib(lab, host);
  return { percent: (usedMs / elapsedMs) * 100, usedMs, programs, memoryMib };
}

/** CPU time of everything that ever ran in the container, as the kernel counts it for the control group. */
async function readCpuMs(host: SshHost): Promise<number> {
  const script =
    "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat";
  const { stdout } = await host.exec(["sh", "-c", script]);
  const nanoseconds = Number(stdout.trim());
  if (!(nanoseconds > 0)) throw new Error(`No CPU time could be read in the container: ${stdout}`);
  return nanoseconds / 1e6;
}

/** Process ids are given in turn: the last one tells how many programs were started. */
async function readLastPid(host: SshHost): Promise<number> {
  const { stdout } = await host.exec(["cat", "/proc/loadavg"]);
  return Number(stdout.trim().split(" ").at(-1));
}

/**
 * Shared pages count by share. By the user, for a container's root may not look into others' memory; sshd is the
 * machine's own, and what looks leaves itself out.
 */
async function readMemoryMib({ sshWords }: Lab, host: SshHost): Promise<number> {
  const script = `for each in /proc/[0-9]*; do
    [ "\${each#/proc/}" != $$ ] || continue
    case "$(tr '\\0' ' ' <$each/cmdline 2>/dev/null)" in ''|sshd*) continue ;; esac
    sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' $each/smaps_rollup 2>/dev/null
  done; true`;
  const out = await runProgram([...sshWords(host), `student@${host.host}`, script]);
  const sizes = out.split("\n").filter(Boolean).map(Number);
  if (sizes.length === 0) throw new Error("No process of the supervisor was found.");
  return sizes.reduce((sum, kib) => sum + kib, 0) / 1024;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
