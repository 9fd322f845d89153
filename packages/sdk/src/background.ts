import { spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { GpujobError } from "@gpujob/spec";
import type { LockRow, RunRow, Store } from "@gpujob/store";
import { isOwnerAlive } from "./owner.ts";
import { runFolder } from "./run-files.ts";
import type { Surroundings } from "./surroundings.ts";

/** Starts a driver that outlives this process; what it says goes to the run's `driver.log`. */
export async function startDriver(
  runId: string,
  around: Surroundings,
  driverCommand: readonly string[] | undefined,
): Promise<void> {
  const [file, ...args] = driverCommand ?? [];
  if (file === undefined) {
    throw new GpujobError(
      "config_invalid",
      "No command for background drivers is known, so the run cannot be handed over.",
      {
        hint: "Give createGpujob a driverCommand, or keep the process until the run is over.",
      },
    );
  }
  const folder = runFolder(around.home, runId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const log = await open(join(folder, "driver.log"), "a", 0o600);
  try {
    const child = spawn(file, [...args, "drive", runId], {
      detached: true,
      cwd: around.cwd,
      env: { ...around.environment, GPUJOB_HOME: around.home },
      stdio: ["ignore", log.fd, log.fd],
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
  } finally {
    await log.close();
  }
}

/** Is somebody driving the run? A dead driver of this machine is known at once, one elsewhere by its lock's end. */
export function isDriven(lock: LockRow | undefined, now: number): boolean {
  if (lock === undefined || lock.expiresAt <= now) return false;
  return isOwnerAlive(lock.owner) !== false;
}

/** A run just submitted is about to be driven by the process that wrote it. */
const startMs = 10_000;

/** Runs that go on and that nobody drives; locks of drivers proven dead are given up for them. */
export async function findOrphans(store: Store, now: number): Promise<readonly RunRow[]> {
  const orphans: RunRow[] = [];
  for (const row of await store.listRuns({ active: true })) {
    const lock = await store.readLock(row.runId);
    if (lock === undefined && now - row.createdAt < startMs) continue;
    if (await isFreeToDrive(store, row.runId, now)) orphans.push(row);
  }
  return orphans;
}

/** Does nobody drive the run? The lock of a driver that is proven dead is given up, so that it holds nobody up. */
export async function isFreeToDrive(store: Store, runId: string, now: number): Promise<boolean> {
  const lock = await store.readLock(runId);
  if (isDriven(lock, now)) return false;
  if (lock !== undefined && lock.expiresAt > now) await store.releaseLock(lock);
  return true;
}
