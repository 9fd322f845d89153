import { all, count } from "./query.ts";
import type { Work } from "./query.ts";
import { toEffect } from "./rows.ts";
import { sql } from "./sql.ts";
import type { EffectRow, NewEffect } from "./store.ts";

/**
 * Writes the effects that one event asks for. The id is made of run, event and position: unique without randomness,
 * and a replaced effect never keeps its old one.
 */
export function* insertEffects(
  runId: string,
  seq: number,
  at: number,
  effects: readonly NewEffect[],
): Work<void> {
  for (const [position, effect] of effects.entries()) {
    const effectId = `${runId}/${seq}/${position}`;
    const { key, kind, payload, dueAt } = effect;
    yield* all(sql.insertEffect, effectId, runId, key, kind, payload, dueAt, at, seq, position);
  }
}

/** Unfinished effects of a run, oldest first. */
export function* listEffects(runId: string): Work<readonly EffectRow[]> {
  return (yield* all(sql.listEffects, runId)).map(toEffect);
}

/** Counts one more try of an effect; false when it is gone or the epoch is not the lock's. */
export function* beginEffect(effectId: string, epoch: number): Work<boolean> {
  return (yield* count(sql.beginEffect, effectId, epoch)) > 0;
}

/** Removes unfinished effects by key, or by prefix when the pattern ends in `*`. */
export function* cancelEffects(runId: string, patterns: readonly string[]): Work<void> {
  for (const pattern of patterns) {
    if (pattern.endsWith("*")) {
      const prefix = pattern.slice(0, -1);
      yield* all(sql.cancelEffects, runId, prefix, prefix);
    } else {
      yield* all(sql.cancelEffect, runId, pattern);
    }
  }
}
