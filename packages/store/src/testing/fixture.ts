import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it as base } from "vitest";
import { openStore } from "../open.ts";
import type { StoreOptions } from "../open.ts";
import type { Store } from "../store.ts";
import { startChild } from "./processes.ts";
import type { Child } from "./processes.ts";
import { realClock } from "./samples.ts";

/** A folder of the test's own, a file to be in it, and what the test opens and starts; all ended with the test. */
export interface FileFixture {
  readonly folder: string;
  readonly path: string;
  open(changes?: Partial<StoreOptions>): Promise<Store>;
  start(command: readonly [string, ...string[]]): Child;
}

/** `it` with a real folder. */
export const it = base.extend<{ disk: FileFixture }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  disk: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "gpujob-store-"));
    const path = join(folder, "store.db");
    const stores: Store[] = [];
    const children: Child[] = [];
    let ids = 0;
    await use({
      folder,
      path,
      async open(changes = {}) {
        ids += 1;
        const id = `id-${ids}`;
        const store = await openStore({ path, clock: realClock, newId: () => id, ...changes });
        stores.push(store);
        return store;
      },
      start(command) {
        const child = startChild(command);
        children.push(child);
        return child;
      },
    });
    for (const child of children) child.signal();
    await Promise.all(children.map(({ gone }) => gone));
    for (const store of stores) await store.close();
    await rm(folder, { recursive: true, force: true });
  },
});
