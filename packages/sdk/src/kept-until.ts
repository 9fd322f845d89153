import type { RunEvent as JournalEvent, Snapshot, Submission } from "@gpujob/engine";

/** Until when the machine of a run that is `holding` is paid for, and why. */
export interface KeptUntil {
  /** Epoch milliseconds. */
  readonly at: number;
  /** `keep`: for the next job; `hold`: its outputs could not be fetched yet. */
  readonly why: "keep" | "hold";
}

/** From the run's own events, oldest first; `undefined` where no machine is held. */
export function keptUntil(
  { job }: Submission,
  { phase, context }: Snapshot,
  events: readonly JournalEvent[],
): KeptUntil | undefined {
  if (phase !== "holding") return undefined;
  const ofAttempt = events.filter(
    (event) => "attempt" in event && event.attempt === context.current,
  );
  const collected = ofAttempt.findLast(({ type }) => type === "outputs-collected");
  if (collected !== undefined) {
    return job.keepMs === undefined ? undefined : { at: collected.at + job.keepMs, why: "keep" };
  }
  const failed = ofAttempt.find(({ type }) => type === "collect-failed");
  return failed === undefined ? undefined : { at: failed.at + job.limits.holdMs, why: "hold" };
}

/** The same in words, with what ends it sooner. */
export function sayKept({ at, why }: KeptUntil, runId: string): string {
  const until = `until ${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return why === "keep"
    ? `The machine is kept, and paid for, ${until}. gpujob submit --on ${runId} FILE uses it; gpujob stop ${runId} gives it back sooner.`
    : `The machine is held, and paid for, ${until} (limits.hold), because its outputs could not be fetched; that is tried again. gpujob stop ${runId} --now gives them up.`;
}
