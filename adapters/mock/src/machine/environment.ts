import { userInfo } from "node:os";
import type { MachineFolder } from "./machine-folder.ts";
import { machinePath } from "./machine-folder.ts";
import { machineVariable } from "./processes.ts";

/**
 * `PATH` for machines: the user's own, because the job must find the user's Python and tools. It is the only thing a
 * machine gets of this process's environment, and the one place where this adapter reads it.
 */
export function readSearchPath(): string {
  return process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
}

/** The whole environment of a machine's processes. Nothing else is inherited, so no secret of the user is. */
export function machineEnvironment(
  leaseId: string,
  machine: MachineFolder,
  searchPath: string,
): Record<string, string> {
  const user = userInfo().username;
  return {
    HOME: machine.home,
    PATH: machinePath(machine, searchPath),
    TMPDIR: machine.temporary,
    USER: user,
    LOGNAME: user,
    SHELL: "/bin/sh",
    LANG: "C.UTF-8",
    [machineVariable]: leaseId,
  };
}
