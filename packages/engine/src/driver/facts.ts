import { exclusionKey } from "@gpujob/scheduler";
import type { ExclusionRow, LeaseRow, LedgerRow } from "@gpujob/store";
import { chargesOf } from "../core/charges.ts";
import type { Attempt, Member, RunContext, Submission } from "../core/context.ts";
import type { Look, RunEvent } from "../core/events.ts";

/** What the row of a lease is made of; most events change only how far the job on it has come. */
const columns = [
  "leaseKey",
  "state",
  "leaseId",
  "pricePerHour",
  "intendedAt",
  "createdAt",
  "billedFrom",
  "billedTo",
  "watchUntil",
] as const satisfies readonly (keyof Member)[];

/** Rows for every lease that an event changed. */
export function leaseRows(
  before: RunContext,
  after: RunContext,
  submission: Submission,
  event: RunEvent,
): LeaseRow[] {
  return after.attempts.flatMap((attempt, index) =>
    attempt.members.flatMap((member, rank) => {
      const old = before.attempts[index]?.members[rank];
      if (old === member) return [];
      const isSame = old !== undefined && columns.every((name) => old[name] === member[name]);
      const looks =
        event.type === "lease-released" && event.attempt === attempt.number && event.member === rank
          ? event.looks
          : [];
      if (isSame && looks.length === 0) return [];
      return [leaseRow(submission, attempt, member, looks)];
    }),
  );
}

function leaseRow(
  submission: Submission,
  attempt: Attempt,
  member: Member,
  looks: readonly Look[],
): LeaseRow {
  const { offer, capabilities } = attempt.candidate;
  return {
    leaseKey: member.leaseKey,
    runId: submission.runId,
    attempt: attempt.number,
    member: member.member,
    platform: offer.platform,
    offerId: offer.offerId,
    release: capabilities.release,
    state: member.state === "given" ? "gone" : member.state,
    terms: JSON.stringify({
      ...offer.price,
      perHour: member.pricePerHour ?? offer.price.perHour,
      ...(offer.byHand === undefined ? {} : { byHand: offer.byHand }),
    }),
    intendedAt: member.intendedAt,
    proof: JSON.stringify(looks),
    ...(member.leaseId === undefined ? {} : { leaseId: member.leaseId }),
    ...(member.createdAt === undefined ? {} : { createdAt: member.createdAt }),
    ...(member.billedFrom === undefined ? {} : { billedFrom: member.billedFrom }),
    ...(member.billedTo === undefined ? {} : { billedTo: member.billedTo }),
    ...(member.watchUntil === undefined ? {} : { watchUntil: member.watchUntil }),
  };
}

/** Bad hosts that an event told of, for later runs. */
export function exclusionRows(before: RunContext, after: RunContext): ExclusionRow[] {
  return after.exclusions
    .filter((each) => each.isShared === true && !before.exclusions.includes(each))
    .map((each) => ({ scopeKey: exclusionKey(each), reason: each.reason, until: each.untilMs }));
}

/** Charges that an event closed: exactly one per lease, when its end is known. */
export function ledgerRows(
  before: RunContext,
  after: RunContext,
  submission: Submission,
): LedgerRow[] {
  return after.attempts.flatMap((attempt, index) =>
    attempt.members.flatMap((member, rank) => {
      const wasOpen = before.attempts[index]?.members[rank]?.billedTo === undefined;
      if (!wasOpen || member.billedTo === undefined) return [];
      return ledgerOf(submission, attempt, member, member.billedTo);
    }),
  );
}

/** The charges of one member until `until` (epoch milliseconds), as rows of the ledger. */
export function ledgerOf(
  submission: Submission,
  attempt: Attempt,
  member: Member,
  until: number,
): LedgerRow[] {
  const { billedFrom, leaseId, leaseKey } = member;
  if (billedFrom === undefined || leaseId === undefined) return [];
  return chargesOf(submission, attempt, member, until).map((charge) => ({
    leaseKey,
    runId: submission.runId,
    attempt: attempt.number,
    platform: attempt.candidate.offer.platform,
    leaseId,
    from: billedFrom,
    to: until,
    ...charge,
  }));
}
