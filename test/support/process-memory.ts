import { readdirSync, readFileSync } from "node:fs";
import type { FaultLab } from "./fault-lab.ts";
import { pause } from "./fault-lab.ts";

/** The most memory, in MiB, that each side held while something lasted. */
export interface PeakMemory {
  /** The largest process of `gpujob` that works in this lab's home. */
  readonly driver: number;
  /** All processes of ours on the first host together: shells, copiers, SSH. */
  readonly host: number;
}

/** Looks a few times a second until `lasting` is over. */
export async function readPeakMemoryMib(
  lab: Pick<FaultLab, "home" | "host">,
  lasting: Promise<unknown>,
): Promise<PeakMemory> {
  const over = new AbortController();
  void lasting.finally(() => over.abort());
  let driver = 0;
  let host = 0;
  while (!over.signal.aborted) {
    driver = Math.max(driver, driverMib(lab.home));
    host = Math.max(host, await hostMib(lab));
    await pause(300);
  }
  return { driver: Math.round(driver), host: Math.round(host) };
}

function driverMib(home: string): number {
  const sizes = readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const isOurs = readFileSync(`/proc/${name}/environ`, "utf8").includes(`GPUJOB_HOME=${home}/`);
      if (!isOurs) return [];
      const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1];
      return [Number(peak ?? 0) / 1024];
    } catch {
      // It has ended in between.
      return [];
    }
  });
  return Math.max(0, ...sizes);
}

/** Private memory only: what many shells share is not held many times. The job's own program is not ours. */
async function hostMib({ host }: Pick<FaultLab, "host">): Promise<number> {
  const { stdout } = await host(0).exec(["sh", "-c", privateMemory]);
  return Number(stdout.trim()) / 1024;
}

const privateMemory = `total=0
for each in /proc/[0-9]*; do
  read -r name <$each/comm 2>/dev/null || continue
  case $name in sh | dash | cat | tail | awk | sleep | sshd*) ;; *) continue ;; esac
  kib=$(awk '/^Private/ { sum += $2 } END { print sum + 0 }' $each/smaps_rollup 2>/dev/null)
  total=$((total + \${kib:-0}))
done
echo $total`;
