import { readFileSync } from "node:fs";

/** What `/proc` says of a process. */
export interface ProcessStatus {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Clock ticks since boot at its start: with the pid, an identity that outlasts reuse of the number. */
  readonly startTicks: string;
  readonly isZombie: boolean;
}

/** Reads a process; `undefined` when there is none (or no `/proc`). */
export function readStatus(pid: number): ProcessStatus | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name in brackets may itself hold spaces and brackets: count fields from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTicks: fields[19] ?? "",
    isZombie: fields[0] === "Z" || fields[0] === "X",
  };
}

/** A text that names one process for good, also after its pid was given to another or the computer started anew. */
export function identifyProcess(pid: number): string {
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
  return `${pid}:${readStatus(pid)?.startTicks ?? ""}:${boot}`;
}

/** Is the process that this identity names alive? A zombie is not. */
export function isAlive(identity: string): boolean {
  const pid = pidOf(identity);
  if (readStatus(pid)?.isZombie !== false) return false;
  return identifyProcess(pid) === identity;
}

/** The process id within an identity. */
export function pidOf(identity: string): number {
  return Number(identity.split(":")[0]);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
