import type { RunRow } from "@gpujob/store";
import { findOrphans, isDriven, isFreeToDrive, startDriver } from "./background.ts";
import { createBeatKeeper } from "./beat-file.ts";
import type { Gpujob } from "./gpujob.ts";
import { adopt, needsCredentials } from "./lost-drivers.ts";
import { findRun, toRunView } from "./runs.ts";
import { setUpFor } from "./workshop-of-run.ts";
import type { Workshop } from "./workshop.ts";

/** Calls that change what becomes of runs. */
export function createActions(
  workshop: Workshop,
): Pick<Gpujob, "stopRun" | "retryRun" | "drillRun" | "drive" | "adoptOrphans"> {
  const { around, options } = workshop;
  const now = (): number => around.clock.now();
  const find = async (reference: string | undefined, mode?: "newest" | "unique"): Promise<RunRow> =>
    findRun(await workshop.store(), reference, mode);

  return {
    async stopRun(reference, { now: isNow }) {
      const row = await find(reference, "unique");
      if (row.settledAt !== undefined) return toRunView(row, now());
      const store = await workshop.store();
      const payload = JSON.stringify({ reason: "cancelled", isNow: isNow === true });
      await store.addWish({ runId: row.runId, kind: "stop", payload, at: now() });
      if (!isDriven(await store.readLock(row.runId), now()))
        await startDriver(row.runId, around, options.driverCommand);
      return toRunView(await findRun(store, row.runId), now());
    },
    async retryRun(reference, retryOptions, wait) {
      const { retryRun } = await import("./on-demand.ts");
      return retryRun(workshop, await find(reference, "unique"), retryOptions, wait);
    },
    async drillRun(reference, wait) {
      const { drillRun } = await import("./on-demand.ts");
      return drillRun(workshop, await find(reference, "unique"), wait);
    },
    async drive(runId, { signal }) {
      const { driveRun, readBillsBeside } = await import("./on-demand.ts");
      const row = await find(runId);
      const keepBeat = createBeatKeeper({ home: around.home, runId: row.runId, now });
      const setUp = await setUpFor(workshop, row);
      const ports = await setUp.enginePorts(keepBeat);
      await readBillsBeside(workshop, setUp);
      await isFreeToDrive(await workshop.store(), row.runId, now());
      const end = await driveRun(ports, row.runId, { signal });
      if (end.kind === "needs-credentials") throw needsCredentials(row.runId, end.missing);
      return toRunView(await find(row.runId), now());
    },
    async adoptOrphans() {
      const store = await workshop.store();
      const adopted: { readonly runId: string; readonly message: string }[] = [];
      if (options.driverCommand === undefined) return adopted;
      for (const row of await findOrphans(store, now())) {
        adopted.push({ runId: row.runId, message: await adopt(workshop, row) });
      }
      return adopted;
    },
  };
}
