import { amendRun } from "@gpujob/engine";
import type { Clock } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { LeaseRow, Store } from "@gpujob/store";

/**
 * Takes the user's word that a machine has ended: journaled as a wish and acted on by whoever drives its run, or at once
 * where the run is over. One that is known to have ended stays as it is.
 */
export async function vouch(
  ports: { readonly store: Store; readonly clock: Clock; readonly owner: string },
  reference: string,
): Promise<LeaseRow> {
  const { store } = ports;
  const rows = await store.listLeases({});
  const row = rows.find((each) => each.leaseKey === reference || each.leaseId === reference);
  if (row === undefined) {
    throw new GpujobError("not_found", `There is no lease ${reference}.`, {
      hint: "gpujob audit lists them.",
    });
  }
  if (["gone", "never", "vouched"].includes(row.state)) return row;
  const run = await store.loadRun(row.runId);
  if (run?.settledAt === undefined) {
    await store.addWish({
      runId: row.runId,
      kind: "vouch",
      payload: JSON.stringify({ leaseKey: row.leaseKey }),
      at: ports.clock.now(),
    });
  } else if (
    !(await amendRun(ports, row.runId, { type: "lease-vouched", leaseKey: row.leaseKey }))
  ) {
    throw new GpujobError("unavailable", `${row.runId} is being written by another process.`, {
      hint: "Try again in a few seconds.",
    });
  }
  return row;
}
