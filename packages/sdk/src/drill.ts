import { GpujobError } from "@gpujob/spec";
import type { RunRow } from "@gpujob/store";
import { join } from "node:path";
import { isDriven, startDriver } from "./background.ts";
import type { DrillReport } from "./gpujob.ts";
import { findRun, snapshotOf, submissionOf, toRunView } from "./runs.ts";
import type { Workshop } from "./workshop.ts";

type Wait = { readonly signal: AbortSignal };
type RunningAttempt = ReturnType<typeof runningAttempt>;

const pollMs = 250;
/** Beyond the time that the job has to save: for bringing its checkpoint home. */
const noticeBeyondGraceMs = 10_000;
const defaultGraceMs = 10_000;

/**
 * Interrupts a running job on purpose and waits until it runs again, or until the run has ended. A machine of the
 * simulated market is really taken back, with a notice; elsewhere the job is stopped as for a notice, and the machine
 * given back. Throws `usage` when the job does not run, or when one more interruption would end the run.
 */
export async function drillRun(
  workshop: Workshop,
  row: RunRow,
  { signal }: Wait,
): Promise<DrillReport> {
  const { around } = workshop;
  const store = await workshop.store();
  const before = runningAttempt(row);
  const startedAt = around.clock.now();
  if (!(await interruptOnMarket(workshop, row, before))) {
    await store.addWish({ runId: row.runId, kind: "drill", payload: "{}", at: startedAt });
  }
  if (!isDriven(await store.readLock(row.runId), startedAt)) {
    await startDriver(row.runId, around, workshop.options.driverCommand);
  }
  for (;;) {
    const now = await findRun(store, row.runId);
    const { phase, context } = snapshotOf(now);
    const attempt = context.attempts[context.current - 1];
    const hasResumed =
      phase === "running" && context.current > before.number && attempt?.jobStartedAt !== undefined;
    if (hasResumed || now.settledAt !== undefined) {
      const run = toRunView(now, around.clock.now());
      return {
        run,
        from: before.number,
        to: hasResumed ? context.current : null,
        seconds: (around.clock.now() - startedAt) / 1000,
        // The newest one that came home is put in place just before a job starts.
        isFromCheckpoint: hasResumed && context.checkpoint !== undefined,
      };
    }
    await around.clock.sleep(pollMs, { signal });
  }
}

/** The attempt whose job runs now. */
function runningAttempt(row: RunRow): {
  readonly number: number;
  readonly platform: string;
  readonly leaseId: string | undefined;
  /** Are there other offers to go on with, should this one be avoided for a while? */
  readonly hasOthers: boolean;
} {
  const { phase, context } = snapshotOf(row);
  const attempt = context.attempts[context.current - 1];
  if (phase !== "running" || attempt?.jobStartedAt === undefined) {
    throw new GpujobError("usage", `The job of ${row.runId} does not run now.`, {
      hint: "A drill interrupts a running job: gpujob ps shows which run.",
    });
  }
  const { interruptions } = submissionOf(row).job.retry;
  if (context.interruptions >= interruptions) {
    throw new GpujobError("usage", `One more interruption would end ${row.runId}.`, {
      hint: `retry.interruptions allows ${interruptions}, and as many have been.`,
    });
  }
  return {
    number: attempt.number,
    platform: attempt.candidate.offer.platform,
    leaseId: attempt.members[0]?.leaseId,
    hasOthers: context.candidates.length > 1,
  };
}

/** Has the simulated market take the machine back; false where the platform is another, or nothing else is on offer. */
async function interruptOnMarket(
  workshop: Workshop,
  row: RunRow,
  { platform, leaseId, hasOthers }: RunningAttempt,
): Promise<boolean> {
  const submission = submissionOf(row);
  const { configuration } = await workshop.setUp({ extra: submission.platforms ?? [] });
  const entry = configuration.config.platforms.find(({ name }) => name === platform);
  if (entry?.adapter !== "mock" || leaseId === undefined || !hasOthers) return false;
  const { interruptMachine } = await import("@gpujob/adapter-mock");
  const graceMs = submission.job.checkpoint?.graceMs ?? defaultGraceMs;
  const folder = join(workshop.around.home, "platforms", platform);
  return interruptMachine(folder, leaseId, { noticeMs: 2 * graceMs + noticeBeyondGraceMs });
}
