import { hash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Lists of what work folders were made of, kept on this side by their name. A host says only the names of what it has; for
 * one that is known here, the difference to what is wanted now needs no question.
 */
export interface KnownTrees {
  /** The lines that have this name; `undefined`: not known here. */
  readonly read: (name: string) => Promise<readonly string[] | undefined>;
  readonly keep: (name: string, text: string) => Promise<void>;
}

/** How many are kept: those last used. */
const keptTrees = 16;

/** Name of a list, by its content. */
export function nameTree(text: string): string {
  return hash("sha256", text, "hex");
}

/** Keeps lists in a folder, made on first use. Without one nothing is known. It is only ever a shortcut: nothing here throws. */
export function openKnownTrees(folder: string | undefined): KnownTrees {
  if (folder === undefined) return { read: async () => undefined, keep: async () => undefined };
  return {
    async read(name) {
      if (!isName(name)) return undefined;
      try {
        const path = join(folder, name);
        const text = await readFile(path, "utf8");
        return nameTree(text) === name ? text.split("\n") : undefined;
      } catch {
        return undefined;
      }
    },
    async keep(name, text) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const path = join(folder, name);
        await writeFile(`${path}.${process.pid}`, text, { mode: 0o600 });
        await rename(`${path}.${process.pid}`, path);
        await forgetOld(folder);
      } catch {
        // A full disk here costs time at the next upload, no more.
      }
    },
  };
}

function isName(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

async function forgetOld(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= keptTrees) return;
  const found = await Promise.all(
    names.map(async (name) => ({ name, usedMs: (await stat(join(folder, name))).mtimeMs })),
  );
  const old = found.toSorted((left, right) => right.usedMs - left.usedMs).slice(keptTrees);
  await Promise.all(old.map(({ name }) => rm(join(folder, name), { force: true })));
}
