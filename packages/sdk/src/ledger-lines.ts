import { ledgerOf } from "@gpujob/engine";
import type { RunContext, Submission } from "@gpujob/engine";
import type { LedgerLine } from "@gpujob/spec";

/** Every charge of a run, those that still grow up to `now` (epoch milliseconds) included. */
export function ledgerLines(
  submission: Submission,
  context: RunContext,
  now: number,
): readonly LedgerLine[] {
  return context.attempts.flatMap((attempt) =>
    attempt.members.flatMap((member) =>
      ledgerOf(submission, attempt, member, member.billedTo ?? now).map((row) => ({
        runId: row.runId,
        attempt: row.attempt,
        platform: row.platform,
        leaseId: row.leaseId,
        from: new Date(row.from).toISOString(),
        to: new Date(row.to).toISOString(),
        billedSeconds: row.billedSeconds,
        amount: row.amount,
        kind: row.kind,
      })),
    ),
  );
}
