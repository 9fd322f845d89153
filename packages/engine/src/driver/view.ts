import { formatBytes, formatMoney } from "@gpujob/spec";
import type { AttemptView, Money, RunBilling, RunState, RunView } from "@gpujob/spec";
import type { Attempt, CheckpointRecord, RunContext, Submission } from "../core/context.ts";
import type { Snapshot } from "../core/decide.ts";
import { sayLate, sayStart } from "../core/appointment.ts";
import { costMicros, memberCostMicros } from "../core/limits.ts";
import { mayExist } from "../core/status.ts";

/** The state that users see. */
export function stateOf(snapshot: Snapshot): RunState {
  const { phase, context } = snapshot;
  const members = context.attempts.flatMap((attempt) => attempt.members);
  if (members.some((member) => member.isUnconfirmed === true && mayExist(member)))
    return "release-unconfirmed";
  if (phase === "settled") return context.outcome?.state ?? "failed";
  const current = context.attempts[context.current - 1];
  if (phase === "running" && current?.members.some((member) => member.silentSince !== undefined)) {
    return current.tether?.kind === "short" ? "frozen" : "running";
  }
  return phase;
}

/** Does anything of the run cost money? */
function billingOf(context: RunContext): RunBilling {
  const leases = context.attempts.flatMap((attempt) =>
    attempt.members.map((member) => ({ member, release: attempt.candidate.capabilities.release })),
  );
  const open = leases.filter(({ member }) => mayExist(member) && member.state !== "intended");
  if (
    open.some(
      ({ member, release }) =>
        release === "api" && (member.isUnconfirmed === true || member.state === "unclear"),
    )
  ) {
    return "unconfirmed";
  }
  if (open.some(({ release }) => release === "by-hand")) return "by-hand";
  if (open.some(({ release }) => release === "api")) return "running";
  return leases.some(({ member, release }) => release !== "owned" && member.leaseId !== undefined)
    ? "ended"
    : "none";
}

/** The whole run as users see it; `now` in epoch milliseconds, for what still bills. */
export function viewRun(options: {
  readonly submission: Submission;
  readonly snapshot: Snapshot;
  readonly now: number;
  readonly settledAt?: number;
}): RunView {
  const { submission, snapshot, now } = options;
  const { context } = snapshot;
  const money = (micros: number): Money => ({ currency: submission.currency, micros });
  const isUnconfirmed = stateOf(snapshot) === "release-unconfirmed";
  return {
    id: submission.runId,
    name: submission.job.name,
    state: stateOf(snapshot),
    exitCode: isUnconfirmed ? 123 : exitCodeNow(context),
    reason:
      context.outcome?.reason ??
      sayStart(submission, context, now) ??
      waitReason(snapshot) ??
      lastReason(context),
    platform: context.attempts[context.current - 1]?.candidate.offer.platform ?? null,
    attempts: context.attempts.map((attempt) => viewAttempt(submission, attempt, now)),
    cost: money(costMicros(context, submission, now)),
    quoted: submission.quoted ?? null,
    billing: billingOf(context),
    outputs: context.outputs,
    startedAt: new Date(submission.submittedAt).toISOString(),
    endedAt: options.settledAt === undefined ? null : new Date(options.settledAt).toISOString(),
    ...failureOf(context, isUnconfirmed),
    labels: submission.job.labels,
    ...notesOf(submission, context, now),
  };
}

/** What of the cost came about by the user's own rules, and what is lost while nobody knows. */
function notesOf(submission: Submission, context: RunContext, now: number): Pick<RunView, "notes"> {
  const notes = [
    ...context.attempts.flatMap((attempt) => sayLarger(context, attempt)),
    ...sayHedge(submission, context, now),
    ...sayLate(submission, context, now),
    ...lossesOf(context),
  ];
  return notes.length === 0 ? {} : { notes };
}

/** Of an attempt that was placed on a larger card: why, and for which price. */
function sayLarger(context: RunContext, attempt: Attempt): readonly string[] {
  const before = context.attempts[(attempt.largerThan ?? 0) - 1];
  if (before === undefined) return [];
  const say = ({ candidate: { offer, pricePerHour } }: Attempt): string =>
    `${offer.gpu?.model} with ${offer.gpu?.vramGib} GiB for ${formatMoney(pricePerHour)}/h`;
  return [
    `Attempt ${attempt.number} has ${say(attempt)} instead of ${say(before)}, because memory ran out in attempt ${before.number} (retry.rules).`,
  ];
}

/** What `hedge` has cost: machines that were given back because another one booted first. */
function sayHedge(submission: Submission, context: RunContext, now: number): readonly string[] {
  const lost = context.attempts.filter(
    ({ isHedge, isStartAsked, end }) =>
      isHedge === true &&
      isStartAsked !== true &&
      end?.next === "none" &&
      end.failure === undefined,
  );
  const micros = lost
    .flatMap((attempt) =>
      attempt.members.map((member) => memberCostMicros(submission, attempt, member, now)),
    )
    .reduce((sum, each) => sum + each, 0);
  if (lost.length === 0) return [];
  const cost = formatMoney({ currency: submission.currency, micros });
  return [`${cost} of the cost went to what hedge asked for and gave back.`];
}

const advice = "Write a new file and rename it into its place, or save less often.";

/** What is lost while nobody knows: outputs beside an end that says nothing of them, and checkpoints. */
function lossesOf(context: RunContext): readonly string[] {
  const { unsaved, checkpoint, isSettled, outcome } = context;
  const isToldAlready = outcome?.failure?.kind === "download_failed";
  if (isSettled === true && context.isCollectFailed === true && !isToldAlready)
    return ["Its outputs could not be fetched: they are lost with its machine."];
  if (unsaved === undefined || isSettled === true) return [];
  const more = unsaved.count - unsaved.files.length;
  const names = `${unsaved.files.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const since = `${new Date(unsaved.since).toISOString().slice(0, 19)}Z`;
  const last =
    !unsaved.isAll || checkpoint === undefined
      ? ""
      : ` The last good one is of ${new Date(checkpoint.at).toISOString().slice(0, 19)}Z.`;
  const what = unsaved.isAll
    ? `No checkpoint could be saved since ${since}`
    : `Checkpoints lack files since ${since}`;
  return [`${what}: ${names}.${last} ${advice}`];
}

/** The job's own exit code needs no explanation; everything else does. */
function failureOf(context: RunContext, isUnconfirmed: boolean): Pick<RunView, "failure"> {
  if (isUnconfirmed) {
    return {
      failure: {
        kind: "release_unconfirmed",
        message:
          "It is not confirmed that every machine is released; something may still be billing.",
        hint: "gpujob audit shows it; the release is asked for until it is proven.",
      },
    };
  }
  const failure = context.outcome?.failure;
  return failure === undefined || failure.kind === "exit_nonzero" ? {} : { failure };
}

function exitCodeNow(context: RunContext): number | null {
  if (context.outcome === undefined) return null;
  const isLost = context.isCollectFailed === true && context.outcome.state === "succeeded";
  return isLost && context.isSettled === true ? 122 : context.outcome.exitCode;
}

/** Of a run that waits for stock: since when, and until when at most. */
function waitReason({ phase, context }: Snapshot): string | undefined {
  const { queuedSince, queuedUntil } = context;
  if (phase !== "queued" || queuedSince === undefined || queuedUntil === undefined)
    return undefined;
  const [since, until] = [queuedSince, queuedUntil].map(
    (at) => `${new Date(at).toISOString().slice(0, 19)}Z`,
  );
  return `Waits for stock since ${since}, until ${until} at most.`;
}

function lastReason(context: RunContext): string | null {
  return context.attempts.at(-1)?.end?.reason ?? null;
}

function viewAttempt(submission: Submission, attempt: Attempt, now: number): AttemptView {
  const micros = attempt.members
    .map((member) => memberCostMicros(submission, attempt, member, now))
    .reduce((sum, each) => sum + each, 0);
  return {
    number: attempt.number,
    platform: attempt.candidate.offer.platform,
    offerId: attempt.candidate.offer.offerId,
    leases: attempt.members.map((member) => ({
      leaseId: member.leaseId ?? null,
      rank: member.member,
    })),
    state: attempt.phase,
    startedAt: new Date(attempt.startedAt).toISOString(),
    endedAt: attempt.endedAt === undefined ? null : new Date(attempt.endedAt).toISOString(),
    reason: reasonOf(submission, attempt),
    cost: { currency: submission.currency, micros },
    isResumed: attempt.isResumed ?? false,
    ...(attempt.isExtra === true ? { isExtra: true } : {}),
    ...(attempt.isHedge === true ? { isHedge: true } : {}),
    ...(attempt.saved === undefined ? {} : { saved: viewSaved(attempt.saved) }),
  };
}

function viewSaved({ at, files, bytes }: CheckpointRecord): NonNullable<AttemptView["saved"]> {
  return { at: new Date(at).toISOString(), files, bytes };
}

/** Why it ended, or was chosen; of one that was taken away also what is left of it. */
function reasonOf({ job }: Submission, { end, candidate, saved, jobStartedAt }: Attempt): string {
  if (end === undefined) return candidate.reason;
  const isTaken = end.failure?.kind === "interrupted" && jobStartedAt !== undefined;
  if (!isTaken || job.checkpoint === undefined) return end.reason;
  if (saved === undefined) return `${end.reason} No checkpoint of it came home.`;
  const files = `${saved.files} ${saved.files === 1 ? "file" : "files"}`;
  const at = `${new Date(saved.at).toISOString().slice(0, 19)}Z`;
  return `${end.reason} Saved: its checkpoint of ${at} (${files}, ${formatBytes(saved.bytes)}).`;
}
