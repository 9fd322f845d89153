import { decide, initialSnapshot, readStored } from "@gpujob/engine";
import type { RunEvent, Snapshot, Submission } from "@gpujob/engine";
import { openStore } from "@gpujob/store";
import { describe, it } from "vitest";
import { playHistory } from "./history.ts";
import { makeScenario } from "./make-scenario.ts";
import { still } from "./run-histories.ts";

Error.stackTraceLimit = 0;
const seeds = Array.from({ length: 150 }, (_, index) => 1_000_001 + index);

describe("the journal of a random history", () => {
  it("gives the stored snapshot again when it is folded", async ({ expect }) => {
    const store = await openStore({ path: ":memory:", clock: still, newId: () => "journal" });
    const seen = new Set<string>();
    for (const seed of seeds) {
      const runId = `r-${seed}`;
      await playHistory({ scenario: makeScenario(seed), store, runId });
      const row = await store.loadRun(runId);
      const submission = readStored<Submission>(row?.submission ?? "{}");
      const submitted = { type: "run-submitted", at: submission.submittedAt } as const;
      const rows = await store.listEvents(runId);
      const events = [submitted, ...rows.map(({ data }) => readStored<RunEvent>(data))];
      let snapshot = initialSnapshot(runId);
      for (const event of events) {
        const next = decide(snapshot, event, submission).snapshot;
        seen.add(`${snapshot.phase} to ${next.phase}`);
        snapshot = next;
      }
      const { version: _version, ...stored } = readStored<Snapshot & { readonly version: number }>(
        row?.snapshot ?? "{}",
      );
      expect([seed, plain(snapshot)]).toEqual([seed, stored]);
    }
    expect(seen.size).toBeGreaterThan(20);
    await store.close();
  });
});

/** As JSON keeps it. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
