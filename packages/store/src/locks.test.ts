import * as fc from "fast-check";
import { it } from "vitest";
import { openStore, StaleEpochError } from "./index.ts";
import type { LockRow, Store } from "./index.ts";
import { realClock, sampleCommit, sampleRun } from "./testing/samples.ts";

const owners = ["a", "b", "c"] as const;
type Owner = (typeof owners)[number];

/** What one driver does next, by whatever it last believed. */
type Move =
  | { readonly kind: "take" | "renew" | "release" | "commit"; readonly owner: Owner }
  | { readonly kind: "raise"; readonly by: number }
  | { readonly kind: "wait"; readonly ms: number };

const moves: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("take", "renew", "release", "commit"),
    owner: fc.constantFrom(...owners),
  }),
  fc.record({ kind: fc.constant("raise"), by: fc.integer({ min: -2, max: 2 }) }),
  fc.record({ kind: fc.constant("wait"), ms: fc.integer({ min: 0, max: 1500 }) }),
);

/** The drivers' side of the story, played against a store: `undefined` means that all went as promised. */
async function play(store: Store, story: readonly Move[]): Promise<string | undefined> {
  const believed = new Map<Owner, LockRow>();
  let now = 0;
  let current: LockRow | undefined;
  let highest = 0;
  for (const move of story) {
    switch (move.kind) {
      case "wait":
        now += move.ms;
        break;
      case "raise":
        await store.raiseEpoch("r-aaa", highest + move.by);
        if (move.by >= 0) [highest, current] = [highest + move.by + 1, undefined];
        break;
      case "take": {
        const lock = await store.takeLock("r-aaa", move.owner, 1000, now);
        const isFree =
          current === undefined || current.owner === move.owner || current.expiresAt <= now;
        if (isFree !== (lock !== undefined)) return "a lock was given or refused wrongly";
        if (lock === undefined) break;
        const isSame = current?.owner === move.owner;
        if (lock.epoch !== (isSame ? highest : highest + 1)) return "an epoch is out of order";
        [current, highest] = [lock, lock.epoch];
        believed.set(move.owner, lock);
        break;
      }
      case "renew": {
        const mine = believed.get(move.owner);
        if (mine === undefined) break;
        const renewed = await store.renewLock(mine, 1000, now);
        if ((renewed !== undefined) !== isCurrent(current, mine)) return "a lost lock was renewed";
        if (renewed !== undefined) current = renewed;
        break;
      }
      case "release": {
        const mine = believed.get(move.owner);
        if (mine === undefined) break;
        await store.releaseLock(mine);
        if (isCurrent(current, mine)) current = undefined;
        break;
      }
      case "commit": {
        const mine = believed.get(move.owner);
        if (mine === undefined) break;
        const isWritten = await tryToCommit(store, mine.epoch);
        if (isWritten !== isCurrent(current, mine))
          return "a stale driver wrote, or the one did not";
        break;
      }
    }
  }
  return undefined;
}

function isCurrent(current: LockRow | undefined, mine: LockRow): boolean {
  return current?.owner === mine.owner && current.epoch === mine.epoch;
}

async function tryToCommit(store: Store, epoch: number): Promise<boolean> {
  const expectedSeq = (await store.loadRun("r-aaa"))?.seq ?? 0;
  try {
    await store.commit(sampleCommit("r-aaa", { epoch, expectedSeq }));
    return true;
  } catch (error) {
    if (error instanceof StaleEpochError) return false;
    throw error;
  }
}

it("lets only the latest owner write, whatever the drivers do and believe", async ({ expect }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(moves, { maxLength: 40 }), async (story) => {
      const store = await openStore({ path: ":memory:", clock: realClock, newId: () => "s" });
      await store.createRun(sampleRun("r-aaa"));
      expect(await play(store, story)).toBeUndefined();
      await store.close();
    }),
    { numRuns: 300 },
  );
});
