import { watchMachines } from "./market/machine-watch.ts";
import type { MachineWatch } from "./market/machine-watch.ts";

type Wait = { readonly signal: AbortSignal };

/** Where the machines of a market are, for channels to them. */
export interface MachinePlace {
  find(wait: Wait): Promise<{ readonly folder: string; readonly isUp: MachineWatch["isUp"] }>;
  close(): void;
}

/** The machines of a market in a folder of our own. */
export function localPlace(folder: string, now: () => number): MachinePlace {
  const watch = watchMachines(folder, now);
  return {
    find: async () => ({ folder, isUp: watch.isUp }),
    close: watch.close,
  };
}

/** The machines of a market that is served: on this computer too, in the folder that its server names. */
export function servedPlace(
  readFolder: (wait: Wait) => Promise<string>,
  now: () => number,
): MachinePlace {
  let known: { readonly folder: string; readonly watch: MachineWatch } | undefined;
  return {
    async find(wait) {
      if (known === undefined) {
        const folder = await readFolder(wait);
        known ??= { folder, watch: watchMachines(folder, now) };
      }
      return { folder: known.folder, isUp: known.watch.isUp };
    },
    close() {
      known?.watch.close();
      known = undefined;
    },
  };
}
