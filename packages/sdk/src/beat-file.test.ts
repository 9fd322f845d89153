import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DriverEvent } from "@gpujob/engine";
import type { HostBeat } from "@gpujob/spec";
import { describe, it, vi } from "vitest";
import { createBeatKeeper, readLastBeat } from "./beat-file.ts";

function beatOf(member: number, over: Partial<HostBeat>, attempt = 1): DriverEvent {
  const beat: HostBeat = {
    uptimeMs: 1,
    wallMs: 1,
    bootId: "boot",
    state: "running",
    logBytes: 0,
    ...over,
  };
  return { type: "beat", attempt, member, beat };
}

describe("the newest beat of a run", () => {
  it("is kept for other processes, of several nodes together, and written every few seconds", async ({
    expect,
    onTestFinished,
  }) => {
    const home = await mkdtemp(join(tmpdir(), "gpujob-beat-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    let now = 1_000_000;
    const keep = createBeatKeeper({ home, runId: "r-1", now: () => now });
    expect(await readLastBeat(home, "r-1")).toBeNull();
    keep(beatOf(0, { gpuPercent: 10, diskFreeBytes: 2 ** 31 }));
    await vi.waitFor(async () => expect(await readLastBeat(home, "r-1")).not.toBeNull());
    now += 1000;
    keep(beatOf(1, { gpuPercent: 90, memoryGib: 3, diskFreeBytes: 2 ** 30 }));
    expect(await readLastBeat(home, "r-1")).toEqual({
      at: new Date(1_000_000).toISOString(),
      gpuPercent: 10,
      diskFreeGib: 2,
    });
    now += 5000;
    keep(
      beatOf(0, {
        gpuPercent: 30,
        cpuPercent: 7,
        memoryGib: 2,
        gpuMemoryGib: 20,
        diskFreeBytes: 2 ** 32,
      }),
    );
    await vi.waitFor(async () =>
      expect(await readLastBeat(home, "r-1")).toEqual({
        at: new Date(now).toISOString(),
        gpuPercent: 60,
        gpuMemoryGib: 20,
        cpuPercent: 7,
        memoryGib: 3,
        diskFreeGib: 1,
      }),
    );
    now += 5000;
    // A beat of the next attempt replaces those of the last; one that comes late changes nothing.
    keep(beatOf(0, { gpuPercent: 1 }, 2));
    keep(beatOf(1, { gpuPercent: 99 }, 1));
    await vi.waitFor(async () =>
      expect(await readLastBeat(home, "r-1")).toEqual({
        at: new Date(now).toISOString(),
        gpuPercent: 1,
      }),
    );
  });
});
