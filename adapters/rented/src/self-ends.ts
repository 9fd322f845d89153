import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** When a machine was told to end itself, epoch milliseconds; kept here, because the machine cannot be asked any more. */
export interface SelfEnds {
  note(leaseKey: string, atMs: number): Promise<void>;
  find(leaseKey: string): Promise<number | undefined>;
}

const noteSchema = z.object({ endedAtMs: z.number() });

/** Notes in the adapter's own folder, one small file each. */
export function createSelfEnds(folder: string): SelfEnds {
  const pathOf = (leaseKey: string): string => join(folder, `self-end-${leaseKey}.json`);
  return {
    async note(leaseKey, endedAtMs) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(pathOf(leaseKey), JSON.stringify({ endedAtMs }), { mode: 0o600 });
    },
    async find(leaseKey) {
      // No file, and one that was cut off by a full disk: nothing is known.
      const text = await readFile(pathOf(leaseKey), "utf8").catch(() => "{}");
      const note = noteSchema.safeParse(parse(text));
      return note.success ? note.data.endedAtMs : undefined;
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
