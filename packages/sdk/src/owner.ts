import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Names this process so that another one on the same machine can tell later whether it still lives. */
export function makeOwner(): string {
  return [
    "gpujob",
    hostname(),
    readBootId(),
    String(process.pid),
    readStartTime(process.pid) ?? "-",
  ].join("/");
}

/** Is the process of an owner still there? `undefined`: it is on another machine, so nobody can say. */
export function isOwnerAlive(owner: string): boolean | undefined {
  const [program, host, bootId, pidText, startTime] = owner.split("/");
  if (program !== "gpujob" || host !== hostname()) return undefined;
  if (bootId !== readBootId()) return false;
  const pid = Number(pidText);
  if (!isRunning(pid)) return false;
  // A process id is used again; its start time is not.
  return (readStartTime(pid) ?? "-") === startTime;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "-";
  }
}

/** Field 22 of `/proc/PID/stat`; the name before it may hold spaces and brackets. */
function readStartTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
