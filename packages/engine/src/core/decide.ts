import { GpujobError } from "@gpujob/spec";
import { transition } from "xstate";
import type { RunContext, Submission } from "./context.ts";
import type { PlannedEffect } from "./effects.ts";
import type { RunEvent } from "./events.ts";
import { runMachine } from "./machine.ts";
import { runPhases } from "./status.ts";
import type { RunPhase } from "./status.ts";

/** A run as stored: where it is, and all that is known. Plain JSON. */
export interface Snapshot {
  readonly phase: RunPhase;
  readonly context: RunContext;
}

export interface Decision {
  readonly snapshot: Snapshot;
  readonly effects: readonly PlannedEffect[];
  /** Keys of effects that no longer matter. */
  readonly cancelled: readonly string[];
}

/** Version of `Snapshot`; raised when an older program could not read it. */
export const snapshotVersion = 1;

export function initialSnapshot(runId: string): Snapshot {
  return {
    phase: "planning",
    context: {
      version: 1,
      runId,
      attempts: [],
      current: 0,
      candidates: [],
      missing: [],
      exclusions: [],
      interruptions: 0,
      failures: 0,
      outputs: [],
    },
  };
}

/** The core: what one event means. No clock, no randomness, no I/O; the same inputs give the same decision. */
export function decide(snapshot: Snapshot, event: RunEvent, submission: Submission): Decision {
  const state = runMachine.resolveState({
    value: snapshot.phase,
    context: { run: snapshot.context, submission },
  });
  const [next] = transition(runMachine, state, event);
  const { draft, run } = next.context;
  return {
    snapshot: { phase: toPhase(next.value), context: run },
    effects: draft === undefined ? [] : [...draft.effects.values()],
    cancelled: draft === undefined ? [] : [...draft.cancelled],
  };
}

function toPhase(value: unknown): RunPhase {
  const phase = runPhases.find((each) => each === value);
  if (phase === undefined)
    throw new GpujobError("internal", `A run cannot rest in ${JSON.stringify(value)}.`);
  return phase;
}
