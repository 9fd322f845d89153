import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MachineFolder } from "./machine-folder.ts";
import type { ProcessStatus } from "./process-identity.ts";
import { readStatus } from "./process-identity.ts";

/** The variable that every process of a machine carries. Its value is the lease id. */
export const machineVariable = "GPUJOB_MOCK_MACHINE";

/**
 * Every living process of a machine: those that carry its variable, those started from outside (also when they have
 * cleared their environment), and all children and session members of these, also after a double fork.
 */
function findProcesses(leaseId: string, machine: MachineFolder): readonly number[] {
  const all = readAllStatuses();
  const roots = readRoots(machine);
  const marker = `${machineVariable}=${leaseId}`;
  const found = new Set<number>();
  const sessions = new Set<number>();
  const add = ({ pid, session }: ProcessStatus): void => {
    found.add(pid);
    sessions.add(session);
  };
  for (const status of all) {
    if (roots.get(status.pid) === status.startTicks || carries(status.pid, marker)) add(status);
  }
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const status of all) {
      const isRelated = found.has(status.parent) || sessions.has(status.session);
      if (isRelated && !found.has(status.pid)) add(status);
    }
  }
  return [...found];
}

/**
 * Ends every process of a machine with SIGKILL, and looks again until none is left.
 *
 * @returns false when some are still there after `timeoutMs`, such as processes of another user.
 */
export async function killProcesses(
  leaseId: string,
  machine: MachineFolder,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    const pids = findProcesses(leaseId, machine);
    if (pids.length === 0) return true;
    if (performance.now() > deadlineMs) return false;
    for (const pid of pids) sendSignal(pid, "SIGKILL");
    await sleep(pauseMs);
  }
}

/**
 * Ends a process started from outside and all that is still in its session. `isLeaderRunning`: is it known to be there?
 * Then its whole group goes at once; else its number may be another's by now, and only the machine's own are ended.
 */
export function killSession(leaseId: string, session: number, isLeaderRunning: boolean): void {
  if (isLeaderRunning) sendSignal(-session, "SIGKILL");
  const marker = `${machineVariable}=${leaseId}`;
  for (const status of readAllStatuses()) {
    if (status.session === session && carries(status.pid, marker)) {
      sendSignal(status.pid, "SIGKILL");
    }
  }
}

/** Sends a signal; a process that is already gone is fine. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone, or another user's.
  }
}

function readAllStatuses(): readonly ProcessStatus[] {
  const statuses: ProcessStatus[] = [];
  for (const name of listFolder("/proc")) {
    const pid = Number(name);
    // Never init, never whoever is looking.
    if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) continue;
    const status = readStatus(pid);
    if (status !== undefined && !status.isZombie) statuses.push(status);
  }
  return statuses;
}

function carries(pid: number, marker: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}\0`.includes(`\0${marker}\0`);
  } catch {
    return false;
  }
}

function readRoots(machine: MachineFolder): ReadonlyMap<number, string> {
  const roots = new Map<number, string>();
  for (const name of listFolder(machine.roots)) {
    try {
      roots.set(Number(name), readFileSync(join(machine.roots, name), "utf8"));
    } catch {
      // Its process has just ended.
    }
  }
  return roots;
}

function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
