import { chargeOf } from "@gpujob/engine";
import type { RunContext, Submission } from "@gpujob/engine";
import type { LedgerLine } from "@gpujob/spec";

/** Every charge of a run, those that still grow up to `now` (epoch milliseconds) included. */
export function ledgerLines(
  submission: Submission,
  context: RunContext,
  now: number,
): readonly LedgerLine[] {
  return context.attempts.flatMap((attempt) =>
    attempt.members.flatMap((member) => {
      const charge = chargeOf(submission, attempt, member, member.billedTo ?? now);
      if (charge === undefined) return [];
      return [
        {
          runId: submission.runId,
          attempt: attempt.number,
          platform: charge.platform,
          leaseId: charge.leaseId,
          from: new Date(charge.from).toISOString(),
          to: new Date(charge.to).toISOString(),
          billedSeconds: charge.billedSeconds,
          amount: charge.amount,
          kind: charge.kind,
        },
      ];
    }),
  );
}
