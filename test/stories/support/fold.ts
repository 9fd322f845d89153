import { decide, initialSnapshot } from "@gpujob/engine";
import type { RunEvent, Snapshot, Submission } from "@gpujob/engine";
import type { Store } from "@gpujob/store";
import { readStored } from "@gpujob/engine";

/** The snapshot that the journal alone leads to. */
export async function foldRun(
  store: Store,
  runId: string,
): Promise<{ readonly folded: Snapshot; readonly stored: Snapshot }> {
  const row = await store.loadRun(runId);
  if (row === undefined) throw new Error(`no run ${runId}`);
  const submission = readStored<Submission>(row.submission);
  const submitted: RunEvent = { type: "run-submitted", at: submission.submittedAt };
  const events = (await store.listEvents(runId)).map((event) => readStored<RunEvent>(event.data));
  const folded = [submitted, ...events].reduce(
    (snapshot, event) => decide(snapshot, event, submission).snapshot,
    initialSnapshot(runId),
  );
  const { version: _version, ...stored } = readStored<
    Snapshot & {
      readonly version: number;
    }
  >(row.snapshot);
  return { folded: readStored<Snapshot>(JSON.stringify(folded)), stored };
}
