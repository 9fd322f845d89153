import { ledgerOf } from "@gpujob/engine";
import type { Attempt, RunContext, Submission } from "@gpujob/engine";
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
        ...noteOf(attempt),
      })),
    ),
  );
}

function noteOf({ isHedge, isStartAsked, end, largerThan }: Attempt): Pick<LedgerLine, "note"> {
  if (largerThan !== undefined)
    return { note: `a larger card, because memory ran out in attempt ${largerThan}` };
  const isGivenBack = isHedge === true && isStartAsked !== true && end?.next === "none";
  return isGivenBack ? { note: "asked for by hedge and given back" } : {};
}
