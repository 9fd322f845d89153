import type { RunView } from "@gpujob/spec";
import type { RunRow } from "@gpujob/store";
import { readLastBeat } from "./beat-file.ts";
import type { Gpujob } from "./gpujob.ts";
import { readLogs } from "./logs.ts";
import { createDriverGuard, viewWithDriver } from "./lost-drivers.ts";
import { firstDay } from "./own-money.ts";
import { costOf, findRun, readReceipt, showRun, submissionOf, toRunView } from "./runs.ts";
import { toTimelineEntry } from "./timeline.ts";
import type { Workshop } from "./workshop.ts";

const pollMs = 250;

/** Calls that look at runs and change nothing but who drives them. */
export function createViews(
  workshop: Workshop,
): Pick<
  Gpujob,
  | "listRuns"
  | "showRun"
  | "receipt"
  | "readLogs"
  | "readTimeline"
  | "waitRun"
  | "cost"
  | "adviseTerms"
> {
  const { around } = workshop;
  const now = (): number => around.clock.now();
  const find = async (reference: string | undefined, mode?: "newest" | "unique"): Promise<RunRow> =>
    findRun(await workshop.store(), reference, mode);

  return {
    async listRuns(filter) {
      const store = await workshop.store();
      const rows = await store.listRuns({
        ...(filter.all === true || filter.idempotencyKey !== undefined ? {} : { active: true }),
        ...(filter.limit === undefined ? {} : { limit: filter.limit }),
      });
      const wanted = rows.filter(
        (row) =>
          filter.idempotencyKey === undefined || row.idempotencyKey === filter.idempotencyKey,
      );
      return Promise.all(wanted.map((row) => viewWithDriver(workshop, row)));
    },
    async showRun(reference) {
      const row = await find(reference);
      const lastBeat = await readLastBeat(around.home, row.runId);
      return { ...(await showRun(await workshop.store(), row, now())), lastBeat };
    },
    async receipt(reference) {
      return readReceipt(await workshop.store(), await find(reference));
    },
    async *readLogs(reference, logOptions) {
      const row = await find(reference);
      const store = await workshop.store();
      const guard = createDriverGuard(workshop, row.runId);
      const isOver = async (): Promise<boolean> => {
        if (logOptions.follow === true) await guard();
        return (await store.loadRun(row.runId))?.settledAt !== undefined;
      };
      const { knownSecrets, redactLogs } = await import("./on-demand.ts");
      const secrets = await knownSecrets(submissionOf(row).job, around);
      const source = { home: around.home, runId: row.runId, clock: around.clock, isOver };
      yield* redactLogs(readLogs(source, logOptions), secrets);
    },
    async *readTimeline(reference, { follow, signal }) {
      const row = await find(reference);
      const store = await workshop.store();
      for (let seen = 0; ;) {
        const isOver = follow !== true || (await store.loadRun(row.runId))?.settledAt !== undefined;
        for (const event of await store.listEvents(row.runId, seen)) {
          seen = event.seq;
          const entry = toTimelineEntry(event);
          if (entry !== undefined) yield entry;
        }
        if (isOver) return;
        await around.clock.sleep(pollMs, { signal });
      }
    },
    async waitRun(reference, { signal }) {
      const row = await find(reference);
      return untilSettled(workshop, row.runId, signal);
    },
    async cost({ since, run }) {
      const { configuration, platforms } = await workshop.setUp();
      const row = run === undefined ? undefined : await find(run);
      const filter = {
        ...(since === undefined ? {} : { since }),
        ...(row === undefined ? {} : { runId: row.runId }),
      };
      const { config } = configuration;
      const at = { now: now(), currency: config.currency };
      const store = await workshop.store();
      const { findDifferences, payBills, readPlatformBills } = await import("./on-demand.ts");
      const { signal } = new AbortController();
      await readPlatformBills({ store, platforms, clock: around.clock }, { signal });
      const counted = await costOf(store, filter, at);
      const differences = await findDifferences(store, counted.lines);
      const report = differences.length === 0 ? counted : { ...counted, differences };
      if (firstDay(config.platforms.flatMap(({ account }) => account ?? [])) === undefined)
        return report;
      const toPay = await payBills(store, config, report, at.now);
      return toPay === undefined ? report : { ...report, toPay };
    },
    async adviseTerms({ since }) {
      const { configuration } = await workshop.setUp();
      const { adviseOnTerms } = await import("./on-demand.ts");
      return adviseOnTerms(await workshop.store(), configuration.config, {
        now: now(),
        ...(since === undefined ? {} : { since }),
      });
    },
  };
}

async function untilSettled(
  workshop: Workshop,
  runId: string,
  signal: AbortSignal,
): Promise<RunView> {
  const store = await workshop.store();
  const guard = createDriverGuard(workshop, runId);
  for (;;) {
    await guard();
    const row = await findRun(store, runId);
    const view = toRunView(row, workshop.around.clock.now());
    // The job's part is over; that its machine is not proven gone is what must be said.
    if (row.settledAt !== undefined || view.state === "release-unconfirmed") return view;
    await workshop.around.clock.sleep(pollMs, { signal });
  }
}
