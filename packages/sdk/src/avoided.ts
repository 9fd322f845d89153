import { access } from "node:fs/promises";
import { join } from "node:path";
import { readExclusion } from "@gpujob/scheduler";
import type { Exclusion } from "@gpujob/scheduler";
import type { Store } from "@gpujob/store";
import type { Surroundings } from "./surroundings.ts";

/** Hosts that earlier runs found to be bad and that are avoided for a while. Makes no store where there is none. */
export async function listAvoided(
  around: Surroundings,
  openStore: () => Promise<Store>,
): Promise<readonly Exclusion[]> {
  const isThere = await access(join(around.home, "gpujob.db")).then(
    () => true,
    () => false,
  );
  if (!isThere) return [];
  const rows = await (await openStore()).listExclusions(around.clock.now());
  return rows.flatMap(({ scopeKey, until, reason }) => {
    const exclusion = readExclusion(scopeKey, { untilMs: until, reason });
    return exclusion === undefined ? [] : [{ ...exclusion, isShared: true as const }];
  });
}

/** Ends them before their time: on one platform, or on all. Answers how many there were. */
export async function forgiveAvoided(
  store: Store,
  now: number,
  platform?: string,
): Promise<number> {
  const rows = (await store.listExclusions(now)).filter(({ scopeKey, until, reason }) => {
    const exclusion = readExclusion(scopeKey, { untilMs: until, reason });
    return platform === undefined || exclusion?.platform === platform;
  });
  for (const { scopeKey } of rows) await store.dropExclusion(scopeKey);
  return rows.length;
}
