import type { Failure } from "@gpujob/spec";
import { beginSpare, dropSpare, failAttempt, stopJob } from "./attempt.ts";
import type { Attempt, Member } from "./context.ts";
import type { Draft } from "./draft.ts";
import {
  ask,
  attemptOf,
  cancel,
  clear,
  clearSilence,
  findAttempt,
  memberOf,
  updateAttempt,
  updateMember,
} from "./draft.ts";
import type { RunEvent } from "./events.ts";
import { defaultGraceMs } from "./limits.ts";
import { isToBeFetched, loseOutputs } from "./lose-outputs.ts";
import { shareNotice } from "./notice.ts";
import { isEnding } from "./status.ts";

type Of<Type extends RunEvent["type"]> = RunEvent & { readonly type: Type };

/** A host has not been heard for the time of a verdict: prepare a replacement, and end it only where that is safe. */
export function applyHostSilent(draft: Draft, event: Of<"host-silent">): void {
  const { attempt: number, member } = event;
  // The last word of a watch whose job has ended meanwhile: nobody waits for a beat any more.
  if (memberOf(attemptOf(draft.context, number), member).exit !== undefined) return;
  updateMember(draft, number, member, {
    silentSince: event.lastBeatAt,
    isCheckpointFresh: event.isCheckpointFresh,
    ...(event.tetherEndsAt === undefined ? {} : { tetherEndsAt: event.tetherEndsAt }),
  });
  const { unreachableMs } = draft.submission.timeouts;
  ask(
    draft,
    { kind: "timer", timer: "unreachable", attempt: number, member },
    event.lastBeatAt + unreachableMs,
  );
  if (event.tetherEndsAt !== undefined) {
    ask(
      draft,
      { kind: "timer", timer: "tether", attempt: number, member },
      Math.max(event.at, event.tetherEndsAt),
    );
  }
  const attempt = attemptOf(draft.context, number);
  if (attempt.phase !== "running" || number !== draft.context.current) return;
  if (attempt.stopping === undefined || attempt.stopping.kind === "interruption") beginSpare(draft);
  giveUpWhenSafe(draft, attempt, memberOf(attempt, member));
}

/** The link is back: the old machine goes on, the extra one is not needed. */
export function applyHostHeard(draft: Draft, event: Of<"host-heard">): void {
  const { attempt: number, member } = event;
  clearSilence(draft, number, member);
  cancel(draft, { kind: "timer", timer: "tether", attempt: number, member });
  cancel(draft, { kind: "timer", timer: "unreachable", attempt: number, member });
  const attempt = attemptOf(draft.context, number);
  const isStillSilent = attempt.members.some((each) => each.silentSince !== undefined);
  if (
    number === draft.context.current &&
    !isStillSilent &&
    attempt.stopping?.kind !== "interruption"
  ) {
    clear(draft, "fruitlessPlans");
    dropSpare(draft, "The first machine answers again.");
  }
}

/** Proof that the job on this host cannot run any more. */
export function applyHostLost(draft: Draft, event: Of<"host-lost">): void {
  const { attempt: number, fence, failure } = event;
  updateMember(draft, number, event.member, { fence });
  if (!isToBeFetched(attemptOf(draft.context, number))) return failAttempt(draft, number, failure);
  // Started anew it may have its disk yet; asking it for the outputs will tell.
  if (fence.by !== "reboot") loseOutputs(draft, number, failure);
}

/** The platform will take the machine: save, stop, and have the next one on its way. */
export function applyInterruption(draft: Draft, event: Of<"interruption-noticed">): void {
  // A drill that comes too late, or too early, is none: only a running job is interrupted on purpose.
  const isDrillable = findAttempt(draft.context, event.attempt)?.phase === "running";
  if (event.isDrill === true && !isDrillable) return;
  const attempt = attemptOf(draft.context, event.attempt);
  if (isToBeFetched(attempt)) {
    // Its job is over: there is so long left to fetch what it made.
    const { leftMs } = shareNotice(event.at, event.endsAt, { graceMs: 0 });
    return void updateAttempt(draft, event.attempt, { takenAt: event.at + leftMs });
  }
  if (event.attempt !== draft.context.current) {
    return failAttempt(draft, event.attempt, interrupted(event.reason));
  }
  if (attempt.phase !== "running")
    return failAttempt(draft, event.attempt, interrupted(event.reason));
  stopForNotice(draft, event);
  beginSpare(draft);
}

/** Lets the job save for as long as enough time stays to bring that home, and fetches at once what it saved before. */
function stopForNotice(draft: Draft, event: Of<"interruption-noticed">): void {
  const { attempt: number, at, endsAt, reason, isDrill } = event;
  const rule = draft.submission.job.checkpoint;
  const graceMs = rule?.graceMs ?? defaultGraceMs;
  const { stopping, saved } = attemptOf(draft.context, number);
  if (stopping !== undefined) return;
  const lastFetchMs = saved?.tookMs === undefined ? {} : { lastFetchMs: saved.tookMs };
  const { leftMs, saveMs } = shareNotice(at, endsAt, { graceMs, ...lastFetchMs });
  const cause = { kind: "interruption" as const, reason };
  // Nobody takes the machine of a drill.
  if (isDrill === true) return stopJob(draft, number, { ...cause, isDrill }, graceMs);
  updateAttempt(draft, number, { takenAt: at + leftMs });
  stopJob(draft, number, cause, saveMs);
  if (rule !== undefined) ask(draft, { kind: "take-checkpoints", attempt: number });
}

export function applyTetherTimer(draft: Draft, event: Of<"timer-fired">): void {
  const attempt = findAttempt(draft.context, event.attempt ?? 0);
  if (attempt === undefined || event.member === undefined || isEnding(attempt)) return;
  const member = memberOf(attempt, event.member);
  if (member.silentSince === undefined) return;
  // The timer has waited by a clock that nobody sets, whatever the wall clock says by now.
  giveUpWhenSafe(draft, attempt, member, event.timer);
}

/**
 * Ends a silent machine where little would be lost (or enough time has passed) and a proof is at hand: our own release
 * by API, or a short tether that has run out. Where neither can come, the run waits for the user's word.
 */
function giveUpWhenSafe(
  draft: Draft,
  attempt: Attempt,
  member: Member,
  fired?: Of<"timer-fired">["timer"],
): void {
  const { at, submission } = draft;
  if (member.silentSince === undefined) return;
  const hasWaited =
    fired === "unreachable" || at >= member.silentSince + submission.timeouts.unreachableMs;
  if (member.isCheckpointFresh !== true && !hasWaited) return;
  // Its own timer may fire within the millisecond before, and does not come again; the tether's margin is far longer.
  const isTetherOver =
    member.tetherEndsAt !== undefined && (fired === "tether" || at >= member.tetherEndsAt);
  if (attempt.candidate.capabilities.release !== "api" && !isTetherOver) return;
  if (isTetherOver) {
    updateMember(draft, attempt.number, member.member, { fence: { by: "tether", at } });
  }
  failAttempt(draft, attempt.number, interrupted("The machine stopped answering."));
}

function interrupted(reason: string): Failure {
  return { kind: "interrupted", scope: "offer", message: reason };
}
