import { readdirSync, readFileSync } from "node:fs";

/** A process as `/proc` shows it. */
export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  readonly argv: string;
  readonly environment: Buffer;
}

/** Every process of this computer that can be read now. */
export function readProcesses(): readonly SeenProcess[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return [
        {
          pid: Number(name),
          parent,
          argv: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " "),
          environment: readFileSync(`/proc/${name}/environ`),
        },
      ];
    } catch {
      // Ended meanwhile.
      return [];
    }
  });
}

/** A process and all that came from it. */
export function withDescendants(all: readonly SeenProcess[], root: number): ReadonlySet<number> {
  const family = new Set([root]);
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return family;
}
