import type { Store } from "@gpujob/store";
import type { Submission } from "../core/context.ts";
import { decide, initialSnapshot, snapshotVersion } from "../core/decide.ts";
import { stateOf } from "./view.ts";
import { createSnapshotWriter } from "./write-snapshot.ts";

/** Writes a new run and its first effects; whoever drives it next begins. The same idempotency key: the same run. */
export async function submitRun(
  store: Store,
  submission: Submission,
  idempotency?: { readonly key: string; readonly contentHash: string },
): Promise<{ readonly runId: string; readonly isNew: boolean }> {
  const event = { type: "run-submitted", at: submission.submittedAt } as const;
  const decision = decide(initialSnapshot(submission.runId), event, submission);
  return store.createRun({
    runId: submission.runId,
    name: submission.job.name,
    state: stateOf(decision.snapshot),
    createdAt: submission.submittedAt,
    snapshot: createSnapshotWriter()(decision.snapshot),
    snapshotVersion,
    submission: JSON.stringify(submission),
    labels: submission.job.labels,
    effects: decision.effects.map((planned) => ({
      key: planned.key,
      kind: planned.effect.kind,
      payload: JSON.stringify(planned.effect),
      dueAt: planned.dueAt,
    })),
    ...(idempotency === undefined ? {} : { idempotency }),
  });
}
