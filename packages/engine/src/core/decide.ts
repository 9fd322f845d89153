import type { RunContext, Submission } from "./context.ts";
import { createDraft } from "./draft.ts";
import type { PlannedEffect } from "./effects.ts";
import type { RunEvent } from "./events.ts";
import { reduce } from "./reduce.ts";
import type { RunPhase } from "./status.ts";
import { followWays } from "./ways.ts";

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
  const draft = createDraft(snapshot.context, submission, event.at);
  reduce(draft, event);
  const phase = followWays(snapshot.phase, draft);
  return {
    snapshot: { phase, context: draft.context },
    effects: [...draft.effects.values()],
    cancelled: [...draft.cancelled],
  };
}
