import type { HostExit, HostProbe } from "@gpujob/spec";
import { askStop, beginSpare, dropSpare, preferSpare, releaseAttempt, stopJob } from "./attempt.ts";
import type { Attempt, Member } from "./context.ts";
import type { Draft } from "./draft.ts";
import {
  ask,
  attemptOf,
  cancel,
  clear,
  clearSilence,
  findAttempt,
  updateAttempt,
  updateMember,
} from "./draft.ts";
import type { RunEvent } from "./events.ts";
import { isLargeEnough } from "./larger-card.ts";
import { graceOf } from "./limits.ts";
import { endOfJob } from "./job-end.ts";
import { isEnding } from "./status.ts";

type Of<Type extends RunEvent["type"]> = RunEvent & { readonly type: Type };

export function applyNodeReady(draft: Draft, event: Of<"node-ready">): void {
  const { attempt: number } = event;
  // A machine taken over from another run was paid by that one before.
  const isTakenOver = draft.submission.on !== undefined && number === 1;
  const { billedFrom } = event;
  const attempt = updateMember(draft, number, event.member, {
    isReady: true,
    identity: { bootId: event.bootId, machineId: event.machineId },
    ...(event.bootMs === undefined ? {} : { bootMs: event.bootMs }),
    ...speedsOf(event.probe),
    ...(isTakenOver || billedFrom === undefined ? {} : { billedFrom }),
  });
  if (!attempt.members.every((member) => member.isReady)) return;
  updateAttempt(draft, number, { phase: "preparing" });
  cancel(draft, { kind: "timer", timer: "slow-boot", attempt: number });
  for (const { member } of attempt.members)
    ask(draft, { kind: "prepare-host", attempt: number, member });
  chooseSooner(draft, number);
}

/** What a probe found of a machine's ways in, for later plans. */
function speedsOf(probe: HostProbe | undefined): Pick<Member, "downloadMbps" | "diskMibPerSecond"> {
  if (probe === undefined) return {};
  const { downloads, diskReadMBps } = probe;
  const downloadMbps = Math.max(0, ...downloads.map(({ mbps }) => mbps));
  return {
    ...(downloadMbps === 0 ? {} : { downloadMbps }),
    ...(diskReadMBps === undefined ? {} : { diskMibPerSecond: (diskReadMBps * 1e6) / 2 ** 20 }),
  };
}

/** Of two that boot side by side the one that is ready first counts, and the other is given back. */
function chooseSooner(draft: Draft, number: number): void {
  const { current, spare } = draft.context;
  if (number === current) return dropSpare(draft, "The first machine was ready sooner.");
  const other = findAttempt(draft.context, current)?.phase;
  // One that is still being rented is given back as soon as its order is answered.
  if (number === spare && (other === "booting" || other === "acquiring"))
    preferSpare(draft, number);
}

/** The machine that counts boots longer than usual: a second one is begun beside it, where that is cheap. */
export function applySlowBoot(draft: Draft, event: Of<"timer-fired">): void {
  const attempt = findAttempt(draft.context, event.attempt ?? 0);
  if (attempt?.phase !== "booting" || attempt.number !== draft.context.current) return;
  updateAttempt(draft, attempt.number, { isSlow: true });
  beginSpare(draft);
}

/** All nodes are prepared before any of them starts; the start itself waits in `standby` for its proof. */
export function applyHostPrepared(draft: Draft, event: Of<"host-prepared">): void {
  const { attempt: number } = event;
  const { sentBytes, sentMs } = event;
  const sent = sentMs === undefined || sentBytes === 0 ? {} : { sentBytes, sentMs };
  const attempt = updateMember(draft, number, event.member, { isPrepared: true, ...sent });
  updateAttempt(draft, number, { tether: event.tether, isResumed: event.isResumed });
  if (attempt.members.every((member) => member.isPrepared))
    updateAttempt(draft, number, { phase: "standby" });
}

export function applyJobStarted(draft: Draft, event: Of<"job-started">): void {
  const { attempt: number, member } = event;
  const attempt = updateMember(draft, number, member, { isStarted: true });
  if (event.isResumed !== undefined) updateAttempt(draft, number, { isResumed: event.isResumed });
  ask(draft, { kind: "watch-job", attempt: number, member });
  if (!attempt.members.every((each) => each.isStarted)) return;
  clear(draft, "queuedUntil", "fruitlessPlans", "unsaved");
  const { stopping } = updateAttempt(draft, number, { phase: "running", jobStartedAt: event.at });
  if (stopping !== undefined) askStop(draft, attempt, stopping, graceOf(draft));
  const rule = draft.submission.job.checkpoint;
  if (rule !== undefined)
    ask(draft, { kind: "take-checkpoints", attempt: number }, event.at + rule.everyMs);
}

/** Set-up on all nodes is a barrier before run: the last one ready lets all of them go. */
export function applyNodeSetUp(draft: Draft, event: Of<"node-set-up">): void {
  const attempt = updateMember(draft, event.attempt, event.member, { isSetUp: true });
  if (!attempt.members.every((member) => member.isSetUp)) return;
  for (const { member } of attempt.members) {
    ask(draft, { kind: "proceed-job", attempt: attempt.number, member });
  }
}

export function applyJobExited(draft: Draft, event: Of<"job-exited">): void {
  const { attempt: number, member } = event;
  updateMember(draft, number, member, {
    exit: event.exit,
    ...(event.memoryText === undefined ? {} : { memoryText: event.memoryText }),
    fence: { by: "supervisor", at: event.at },
  });
  clearSilence(draft, number, member);
  cancel(draft, { kind: "timer", timer: "tether", attempt: number, member });
  cancel(draft, { kind: "timer", timer: "unreachable", attempt: number, member });
  const attempt = attemptOf(draft.context, number);
  if (isEnding(attempt)) return;
  if (attempt.members.every((each) => each.exit !== undefined)) return finishJob(draft, attempt);
  if (isBadEnd(event.exit) && attempt.stopping === undefined) {
    stopJob(draft, number, { kind: "member", member, code: event.exit.code }, graceOf(draft));
  }
}

function isBadEnd(exit: HostExit): boolean {
  return exit.code !== 0 || exit.reason !== "exited";
}

/** Every node's job has ended: bring home what there is, then decide by how it ended. */
function finishJob(draft: Draft, attempt: Attempt): void {
  const end = endOfJob(draft, attempt);
  const { larger, spare } = draft.context;
  const extra = findAttempt(draft.context, spare ?? 0);
  if (extra !== undefined && !isLargeEnough(extra.candidate.offer, larger))
    dropSpare(draft, "The memory of its card is too small for the job.");
  cancel(draft, { kind: "take-checkpoints", attempt: attempt.number });
  if (attempt.stopping?.kind === "wish" && attempt.stopping.isNow) {
    return releaseAttempt(draft, attempt.number, end);
  }
  updateAttempt(draft, attempt.number, { phase: "collecting", end });
  ask(draft, { kind: "collect-outputs", attempt: attempt.number });
}
