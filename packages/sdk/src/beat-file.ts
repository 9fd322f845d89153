import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DriverEvent } from "@gpujob/engine";
import { readStored } from "@gpujob/engine";
import type { HostBeat } from "@gpujob/spec";
import type { RunDetail } from "./gpujob.ts";
import { runFolder } from "./run-files.ts";

/** Beats come every second, and the host measures every ten. */
const everyMs = 5000;

/** What is kept of each node's newest beat. */
interface KeptBeat {
  readonly member: number;
  /** Epoch milliseconds of this machine. */
  readonly at: number;
  readonly beat: HostBeat;
}

interface KeptBeats {
  readonly attempt: number;
  readonly nodes: readonly KeptBeat[];
}

function beatPath(home: string, runId: string): string {
  return join(runFolder(home, runId), "beat.json");
}

/**
 * Keeps the newest beat of each node of a run in a file, for whoever shows the run from another process. A file and not
 * the store: it is written every few seconds for days, and nothing depends on it. Never throws.
 */
export function createBeatKeeper(options: {
  readonly home: string;
  readonly runId: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}): (event: DriverEvent) => void {
  const path = beatPath(options.home, options.runId);
  let kept: KeptBeats = { attempt: 0, nodes: [] };
  let writtenAt = Number.NEGATIVE_INFINITY;
  let writing = Promise.resolve();

  async function write(text: string): Promise<void> {
    await mkdir(runFolder(options.home, options.runId), { recursive: true, mode: 0o700 });
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  return (event) => {
    if (event.type !== "beat" || event.attempt < kept.attempt) return;
    const at = options.now();
    const { attempt, member, beat } = event;
    const others =
      attempt === kept.attempt ? kept.nodes.filter((each) => each.member !== member) : [];
    kept = { attempt, nodes: [...others, { member, at, beat }] };
    if (at - writtenAt < everyMs) return;
    writtenAt = at;
    const text = JSON.stringify(kept);
    // A full disk costs this only; the next one is written whole.
    writing = writing.then(() => write(text)).catch(() => undefined);
  };
}

/** The newest beat that was kept of a run; of several nodes the mean use, the most memory and the least disk. */
export async function readLastBeat(home: string, runId: string): Promise<RunDetail["lastBeat"]> {
  const text = await readFile(beatPath(home, runId), "utf8").catch(() => undefined);
  if (text === undefined) return null;
  // Written by this program, whole, by rename.
  const { nodes } = readStored<KeptBeats>(text);
  if (nodes.length === 0) return null;
  const all = (pick: (beat: HostBeat) => number | undefined): readonly number[] =>
    nodes.flatMap(({ beat }) => pick(beat) ?? []);
  const gpu = all((beat) => beat.gpuPercent);
  const gpuMemory = all((beat) => beat.gpuMemoryGib);
  const cpu = all((beat) => beat.cpuPercent);
  const memory = all((beat) => beat.memoryGib);
  const disk = all((beat) => beat.diskFreeBytes);
  return {
    at: new Date(Math.max(...nodes.map((node) => node.at))).toISOString(),
    ...(gpu.length === 0 ? {} : { gpuPercent: mean(gpu) }),
    ...(gpuMemory.length === 0 ? {} : { gpuMemoryGib: Math.max(...gpuMemory) }),
    ...(cpu.length === 0 ? {} : { cpuPercent: mean(cpu) }),
    ...(memory.length === 0 ? {} : { memoryGib: Math.max(...memory) }),
    ...(disk.length === 0 ? {} : { diskFreeGib: Math.min(...disk) / 2 ** 30 }),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
