import type { Experience, Failure, FailureKind } from "@gpujob/spec";
import { chargesOf } from "../core/charges.ts";
import type { Attempt, Member, RunContext, Submission } from "../core/context.ts";

/** What an event told of the places where a run rented: one for each lease of which something new is known. */
export function experienceRows(
  before: RunContext,
  after: RunContext,
  submission: Submission,
): Experience[] {
  return after.attempts.flatMap((attempt, index) => {
    const old = before.attempts[index];
    if (old === attempt) return [];
    return attempt.members.flatMap((member, rank) => {
      const told = tell(submission, attempt, member);
      const known = old?.members[rank];
      const wasTold =
        old === undefined || known === undefined ? undefined : tell(submission, old, known);
      return told === undefined || isSame(told, wasTold) ? [] : [told];
    });
  });
}

function isSame(told: Experience, before: Experience | undefined): boolean {
  return before !== undefined && JSON.stringify(told) === JSON.stringify(before);
}

/** What one lease tells of its place so far; `undefined` before it is ready or over. */
function tell(submission: Submission, attempt: Attempt, member: Member): Experience | undefined {
  if (attempt.end === undefined && member.bootMs === undefined) return undefined;
  // A machine taken over from another run was rented by that one.
  if (submission.on !== undefined && attempt.number === 1) return undefined;
  const { platform, instanceType, market } = attempt.candidate.offer;
  const { bootMs, sentBytes, sentMs, downloadMbps, diskMibPerSecond } = member;
  const told: Experience = {
    leaseKey: member.leaseKey,
    platform,
    instanceType,
    market,
    at: member.intendedAt,
    ...createdOf(attempt, member),
    ...(bootMs === undefined ? {} : { bootMs }),
    ...(sentBytes === undefined || sentMs === undefined ? {} : { sentBytes, sentMs }),
    ...(downloadMbps === undefined ? {} : { downloadMbps }),
    ...(diskMibPerSecond === undefined ? {} : { diskMibPerSecond }),
    ...endOf(attempt, member),
    ...leftOf(submission, attempt, member),
    ...billOf(submission, attempt, member),
  };
  const saysNothing = told.isCreated === undefined && told.end === undefined;
  return saysNothing ? undefined : told;
}

/** A platform that shows an offer and then has not got it at that price. */
const refusals: ReadonlySet<FailureKind> = new Set([
  "no_capacity",
  "lease_failed",
  "price_changed",
  "unavailable",
  "contract_violation",
]);

function createdOf(attempt: Attempt, member: Member): Pick<Experience, "isCreated"> {
  const failure = attempt.end?.failure;
  // A gang is refused together, and told once.
  const isRefused =
    member.state === "never" && member.member === 0 && failure && refusals.has(failure.kind);
  if (isRefused) return { isCreated: false };
  if (member.leaseId === undefined) return {};
  // What had no stock after all was promised too early.
  return { isCreated: failure?.kind !== "no_capacity" };
}

/** Failures of a rented machine that its platform is to blame for, not its user, job or account. */
const losses: ReadonlySet<FailureKind> = new Set([
  "interrupted",
  "lease_failed",
  "unreachable",
  "unavailable",
  "contract_violation",
]);

function endOf(attempt: Attempt, member: Member): Pick<Experience, "end" | "heldMs"> {
  const { end, endedAt } = attempt;
  const { leaseId, createdAt, fence, billedTo } = member;
  if (end === undefined || leaseId === undefined || createdAt === undefined) return {};
  const kind = kindOfEnd(attempt, end.failure);
  if (kind === undefined || fence?.by === "user") return {};
  const until = billedTo ?? endedAt;
  return { end: kind, ...(until === undefined ? {} : { heldMs: Math.max(0, until - createdAt) }) };
}

function kindOfEnd(attempt: Attempt, failure: Failure | undefined): Experience["end"] {
  const isDrill = attempt.stopping?.kind === "interruption" && attempt.stopping.isDrill === true;
  const isOfUse = attempt.isStartAsked === true;
  if (isDrill || failure === undefined || !losses.has(failure.kind)) {
    // One that was given back before its job began was not put to the test.
    return isOfUse ? "served" : undefined;
  }
  return isOfUse ? "interrupted" : "failed";
}

/** A machine of the user's own keeps what was sent, for the next run: where the lease is of that very machine. */
function leftOf(
  { runId }: Submission,
  { candidate }: Attempt,
  { isPrepared, leaseId }: Member,
): Pick<Experience, "leftBy"> {
  const { capabilities, offer } = candidate;
  const isThatOne = leaseId?.startsWith(`${offer.instanceType}-`) === true;
  const stays = capabilities.release !== "api" && isPrepared === true && isThatOne;
  return stays ? { leftBy: runId } : {};
}

/** Compute by the price of the offer and by the one that the platform named for the machine, once both are final. */
function billOf(
  submission: Submission,
  attempt: Attempt,
  member: Member,
): Pick<Experience, "quoted" | "billed"> {
  const { billedTo, pricePerHour, ...offered } = member;
  if (billedTo === undefined || pricePerHour === undefined) return {};
  const computeOf = (one: Member): Experience["billed"] =>
    chargesOf(submission, attempt, one, billedTo).find(({ kind }) => kind === "compute")?.amount;
  const quoted = computeOf(offered);
  const billed = computeOf(member);
  return quoted === undefined || billed === undefined ? {} : { quoted, billed };
}
