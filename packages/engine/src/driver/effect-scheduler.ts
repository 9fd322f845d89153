import { toFailure } from "@gpujob/spec";
import { effectsAfter } from "@gpujob/store";
import type { Commit, CommitResult, EffectRow } from "@gpujob/store";
import type { Effect } from "../core/effects.ts";
import type { EnginePorts } from "./ports.ts";
import { readStored } from "../core/stored-json.ts";
import { noLongerNeeded } from "../effects/work.ts";

/** Does one effect; returns when it is done for good, or throws when its signal fires. */
export type EffectRunner = (effect: Effect, row: EffectRow, signal: AbortSignal) => Promise<void>;

export interface EffectScheduler {
  /** Starts what an earlier driver left unfinished in the store. */
  load(): Promise<void>;
  /** Starts what a step of this driver added, ends what it finished, cancelled or replaced. */
  follow(step: Commit, result: CommitResult): void;
  /** Ends everything and waits for it. */
  stop(): Promise<void>;
  readonly size: () => number;
}

/** Who waits for a time of day looks at the clock so often, in milliseconds. */
const lookAgainMs = 30_000;

function isAppointment(effect: Effect): boolean {
  return effect.kind === "timer" && effect.timer === "start";
}

interface Task {
  readonly controller: AbortController;
  readonly done: Promise<void>;
}

/** Runs the unfinished effects of one run side by side, each from its due time on, exactly as the store has them. */
export function createEffectScheduler(options: {
  readonly ports: EnginePorts;
  readonly runId: string;
  readonly epoch: () => number;
  readonly run: EffectRunner;
}): EffectScheduler {
  const { ports, runId } = options;
  const tasks = new Map<string, Task>();
  /** What the store has: while this driver holds the lock, nobody else writes effects. */
  let rows: readonly EffectRow[] = [];
  let isStopped = false;

  function start(row: EffectRow): void {
    const controller = new AbortController();
    const done = work(row, controller.signal).finally(() => {
      if (tasks.get(row.effectId)?.controller === controller) tasks.delete(row.effectId);
    });
    tasks.set(row.effectId, { controller, done });
  }

  async function work(row: EffectRow, signal: AbortSignal): Promise<void> {
    // Written by this program, read back by it: the payload is one of its effects.
    const effect = readStored<Effect>(row.payload);
    for (let tries = row.tries; !signal.aborted; tries += 1) {
      try {
        // Never longer than it was put off for: a clock that was set back since then must not hold up what is due.
        const waitMs = row.dueAt - Math.max(ports.clock.now(), row.createdAt);
        if (isAppointment(effect)) await keepAppointment(row.dueAt, signal);
        else if (waitMs > 0) await ports.clock.sleep(waitMs, { signal });
        if (!(await ports.store.beginEffect(row.effectId, options.epoch(), ports.clock.now())))
          return;
        countTry(row.effectId);
        ports.crashPoint(`before:${effect.kind}`);
        return await options.run(effect, { ...row, tries }, signal);
      } catch (error) {
        if (signal.aborted) return;
        ports.observe({ type: "trouble", operation: effect.kind, failure: toFailure(error) });
        // Nothing in a runner is meant to get here; the effect is still asked for, so it is tried again.
        await ports.clock
          .sleep(Math.min(1000 * 2 ** tries, 30_000), { signal })
          .catch(() => undefined);
      }
    }
  }

  /** By the wall clock, also on a computer that slept meanwhile: its timers slept too. */
  async function keepAppointment(at: number, signal: AbortSignal): Promise<void> {
    for (let leftMs = at - ports.clock.now(); leftMs > 0; leftMs = at - ports.clock.now())
      await ports.clock.sleep(Math.min(leftMs, lookAgainMs), { signal });
  }

  function countTry(effectId: string): void {
    rows = rows.map((row) => (row.effectId === effectId ? { ...row, tries: row.tries + 1 } : row));
  }

  function startAndEnd(): void {
    if (isStopped) return;
    const wanted = new Set(rows.map((row) => row.effectId));
    for (const [effectId, task] of tasks) {
      if (!wanted.has(effectId)) task.controller.abort(noLongerNeeded);
    }
    for (const row of rows) {
      if (!tasks.has(row.effectId)) start(row);
    }
  }

  return {
    async load() {
      rows = await ports.store.listEffects(runId);
      startAndEnd();
    },
    follow(step, { added }) {
      rows = effectsAfter(rows, step, added);
      startAndEnd();
    },
    async stop() {
      isStopped = true;
      for (const task of tasks.values()) task.controller.abort(noLongerNeeded);
      await Promise.all([...tasks.values()].map((task) => task.done));
    },
    size: () => tasks.size,
  };
}
