import { deadline } from "@gpujob/engine";
import type { EnginePlatform } from "@gpujob/engine";
import type { Clock, Lease, PlanMissing } from "@gpujob/spec";
import { IncompleteListError, toFailure } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import { fixLeases } from "./audit-fix.ts";
import { sortLeases } from "./audit-sort.ts";
import type { SeenLease } from "./audit-sort.ts";
import { lookAfterByHand } from "./by-hand-leases.ts";
import type { AuditLease, AuditReport } from "./gpujob.ts";
import { withoutName } from "./collect-offers.ts";

type Wait = { readonly signal: AbortSignal };

/** No platform is waited for longer, in milliseconds. */
const sweepDeadlineMs = 30_000;

interface Sweep {
  readonly store: Store;
  readonly platforms: readonly EnginePlatform[];
  readonly installation: string;
  readonly clock: Clock;
  /** Name of this process for locks. */
  readonly owner: string;
}

/**
 * Sweeps every platform by ownership and holds what is there against what the store knows. With `fix`, releases what is
 * surely ours and has no reason to exist: machines past their deadline, and those of runs that are settled.
 */
export async function audit(
  sweep: Sweep,
  options: { readonly fix: boolean },
  wait: Wait,
): Promise<AuditReport> {
  const now = sweep.clock.now();
  const runs = new Map((await sweep.store.listRuns({})).map((row) => [row.runId, row]));
  const swept = await Promise.all(
    sweep.platforms.map((target) => sweepPlatform(sweep, target, wait)),
  );
  const seen = swept.flatMap(({ found }) => found);
  const byHand = await lookAfterByHand(sweep, runs, wait);
  const rows = await sweep.store.listLeases({ open: true });
  const missing = swept.flatMap((each) => each.missing ?? []);
  const whyUnseen = (platform: string): string | undefined => {
    if (!sweep.platforms.some(({ name }) => name === platform))
      return "its platform is not configured here: audit from the folder of its job, or with --config";
    return missing.some((each) => each.platform === platform)
      ? "its platform did not answer"
      : undefined;
  };
  const report = sortLeases({ seen, rows, runs, now, whyUnseen });
  const fixed = options.fix ? await fixLeases(report.fixable, wait) : [];
  const released = new Set(
    fixed.flatMap((each) => (each.state === "released" ? [each.leaseId] : [])),
  );
  const isLeft = (each: AuditLease): boolean => !released.has(each.leaseId);
  return {
    billing: report.billing.filter(isLeft),
    unconfirmed: report.unconfirmed.filter(isLeft),
    byHand: byHand.open,
    unknown: report.unknown.filter(isLeft),
    ...(byHand.reminders.length === 0 ? {} : { reminders: byHand.reminders }),
    fixed,
    missing,
  };
}

async function sweepPlatform(
  sweep: Sweep,
  target: EnginePlatform,
  { signal }: Wait,
): Promise<{ readonly found: readonly SeenLease[]; readonly missing?: PlanMissing }> {
  const see = (leases: readonly Lease[]): readonly SeenLease[] =>
    leases.map((lease) => ({ target, lease }));
  const limit = deadline(sweep.clock, signal, sweepDeadlineMs);
  try {
    const leases = await target.platform.listLeases(
      { installation: sweep.installation },
      { signal: limit.signal },
    );
    return { found: see(leases) };
  } catch (error) {
    signal.throwIfAborted();
    const failure = toFailure(error);
    const reason = withoutName(failure, target);
    // One machine that does not answer hides itself, not the others.
    const found = see(IncompleteListError.is(error) ? error.listed : []);
    return { found, missing: { platform: target.name, reason, failure } };
  } finally {
    limit.clear();
  }
}
