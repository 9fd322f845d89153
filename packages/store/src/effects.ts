import { all, count } from "./query.ts";
import type { Work } from "./query.ts";
import { toEffect } from "./rows.ts";
import { sql } from "./sql.ts";
import type { Commit, EffectRow, NewEffect } from "./store.ts";

/**
 * Writes the effects that one event asks for. The id is made of run, event and position: unique without randomness,
 * and a replaced effect never keeps its old one. Answers with the rows, as `listEffects` will.
 */
export function* insertEffects(
  runId: string,
  seq: number,
  at: number,
  effects: readonly NewEffect[],
): Work<readonly EffectRow[]> {
  const rows = new Map<string, EffectRow>();
  for (const [position, effect] of effects.entries()) {
    const effectId = `${runId}/${seq}/${position}`;
    const { key, kind, payload, dueAt } = effect;
    yield* all(sql.insertEffect, effectId, runId, key, kind, payload, dueAt, at, seq, position);
    // Of two with one key the second takes the place of the first.
    rows.delete(key);
    rows.set(key, { effectId, runId, key, kind, payload, dueAt, createdAt: at, tries: 0 });
  }
  return [...rows.values()];
}

/**
 * Unfinished effects of a run after a step, from those before it and those that it added: what `listEffects` would answer.
 * For the driver whose steps are the only ones, so that it need not ask.
 */
export function effectsAfter(
  before: readonly EffectRow[],
  step: Pick<Commit, "finishEffects" | "cancelEffects">,
  added: readonly EffectRow[],
): readonly EffectRow[] {
  const kept = before.filter(
    ({ effectId, key }) =>
      !step.finishEffects.includes(effectId) &&
      !step.cancelEffects.some((pattern) => isMeant(key, pattern)) &&
      !added.some((row) => row.key === key),
  );
  return [...kept, ...added];
}

function isMeant(key: string, pattern: string): boolean {
  return pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
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
