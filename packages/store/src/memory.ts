import { all, first } from "./query.ts";
import type { Work } from "./query.ts";
import { text, toExclusion, toPin, toWish } from "./rows.ts";
import { sql } from "./sql.ts";
import type { ExclusionRow, PinRow, WishRow } from "./store.ts";

/** Writes down a user's word before anything is done about it. */
export function* addWish(wish: Omit<WishRow, "wishId">): Work<void> {
  yield* all(sql.insertWish, wish.runId, wish.kind, wish.payload, wish.at);
}

/** Wishes that no commit has consumed yet, oldest first. */
export function* listWishes(runId: string): Work<readonly WishRow[]> {
  return (yield* all(sql.listWishes, runId)).map(toWish);
}

/** The pinned host identity of a scope, if any. */
export function* readPin(scope: string): Work<PinRow | undefined> {
  const row = yield* first(sql.readPin, scope);
  return row === undefined ? undefined : toPin(row);
}

/** Pins a host identity; the latest word wins. */
export function* putPin(pin: PinRow): Work<void> {
  yield* all(sql.putPin, pin.scope, pin.fingerprint, pin.at);
}

/** Exclusions that still hold at a moment. */
export function* listExclusions(now: number): Work<readonly ExclusionRow[]> {
  return (yield* all(sql.listExclusions, now)).map(toExclusion);
}

/** Excludes a scope; of two exclusions of one scope the one that lasts longer stays. */
export function* putExclusion(exclusion: ExclusionRow): Work<void> {
  yield* all(sql.putExclusion, exclusion.scopeKey, exclusion.reason, exclusion.until);
}

/** Ends an exclusion before its time. */
export function* dropExclusion(scopeKey: string): Work<void> {
  yield* all(sql.dropExclusion, scopeKey);
}

/** A named value, if there is one. */
export function* readValue(name: string): Work<string | undefined> {
  const row = yield* first(sql.readValue, name);
  return row === undefined ? undefined : text(row, "value");
}

/** Sets a named value. */
export function* putValue(name: string, value: string): Work<void> {
  yield* all(sql.putValue, name, value);
}

/** Sets a named value unless there is one; answers with what is there afterwards. */
export function* ensureValue(name: string, value: string): Work<string> {
  yield* all(sql.ensureValue, name, value);
  return (yield* readValue(name)) ?? value;
}
