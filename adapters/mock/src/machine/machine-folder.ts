import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where a machine keeps what is its own. All of it goes when the machine ends, as a rented disk would. */
export interface MachineFolder {
  readonly path: string;
  /** `HOME` and work root of everything on the machine. */
  readonly home: string;
  readonly temporary: string;
  /** First in the `PATH` of the machine. */
  readonly programs: string;
  /** One file per process started from outside, named by pid: see `processes.ts`. */
  readonly roots: string;
  readonly keeperLog: string;
}

/** The folders of one machine; nothing is made. */
export function machineFolder(folder: string, leaseId: string): MachineFolder {
  const path = join(folder, "machines", leaseId);
  return {
    path,
    home: join(path, "home"),
    temporary: join(path, "tmp"),
    programs: join(path, "bin"),
    roots: join(path, "roots"),
    keeperLog: join(path, "keeper.log"),
  };
}

/**
 * Makes a machine's folders. `searchPath` is this computer's `PATH`; `vendorTool` the text of its `nvidia-smi`.
 *
 * @throws Error of the file system, also when the market's folder is gone: it must not come back as an empty one.
 */
export function makeMachineFolder(
  machine: MachineFolder,
  options: { readonly searchPath: string; readonly vendorTool: string | undefined },
): void {
  for (const path of [
    machine.path,
    machine.home,
    machine.temporary,
    machine.roots,
    machine.programs,
  ]) {
    makeFolder(path);
  }
  if (options.vendorTool !== undefined) {
    writeFileSync(join(machine.programs, "nvidia-smi"), options.vendorTool, { mode: 0o700 });
  }
  // /etc/profile sets PATH anew on many systems; a login shell must find what the user's own shell finds.
  const path = machinePath(machine, options.searchPath);
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  writeFileSync(join(machine.home, ".profile"), `PATH=${quoted}\nexport PATH\n`, { mode: 0o600 });
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
}

/** `PATH` of everything on the machine. */
export function machinePath({ programs }: MachineFolder, searchPath: string): string {
  return `${programs}:${searchPath}`;
}

/** Removes a machine's disk, also folders that its job has made read-only. What resists is left: it costs nothing. */
export function removeMachineFolder(machine: MachineFolder): void {
  for (const isLastTry of [false, true]) {
    try {
      rmSync(machine.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
      return;
    } catch {
      if (!isLastTry) makeWritable(machine.path);
    }
  }
}

function makeWritable(path: string): void {
  try {
    chmodSync(path, 0o700);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) makeWritable(join(path, entry.name));
    }
  } catch {
    // Gone meanwhile, or another user's.
  }
}
