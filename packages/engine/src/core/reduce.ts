import { assertNever } from "@gpujob/spec";
import {
  applyHostPrepared,
  applyJobExited,
  applyJobStarted,
  applyNodeReady,
  applyNodeSetUp,
  applySlowBoot,
} from "./reduce-host.ts";
import {
  applyHostHeard,
  applyHostLost,
  applyHostSilent,
  applyInterruption,
  applyTetherTimer,
} from "./reduce-silence.ts";
import {
  applyLeaseCreated,
  applyLeasePriced,
  applyLeaseRefused,
  applyLeaseReleased,
  applyPlanMade,
  applyVouched,
} from "./reduce-lease.ts";
import {
  applyBudgetTimer,
  applyKeepEnded,
  applyStopWished,
  applyTimeLimit,
} from "./reduce-wish.ts";
import {
  applyCollected,
  applyCollectFailed,
  applyHoldTimer,
  applyLeaseGiven,
} from "./reduce-outputs.ts";
import { beginSpare, dropSpare, failAttempt, startWhenAllowed } from "./attempt.ts";
import { applyCheckpointSaved, noteUnsaved } from "./reduce-checkpoint.ts";
import { closeAttempts } from "./close.ts";
import type { Draft } from "./draft.ts";
import { ask, clear, findAttempt, update, updateMember } from "./draft.ts";
import type { RunEvent } from "./events.ts";
import { mustWait, waitForStart } from "./appointment.ts";
import { isEnding } from "./status.ts";

/** What one event means for the run, without moving it to another state: the machine does that. */
export function reduce(draft: Draft, event: RunEvent): void {
  if (!isAboutNothing(draft, event)) apply(draft, event);
  const { outcome } = draft.context;
  // How the run ends is decided: nothing is going to need the extra placement.
  if (outcome !== undefined) dropSpare(draft, outcome.reason);
  closeAttempts(draft, "others");
  startWhenAllowed(draft);
}

/** Words from an attempt that has been given up no longer count, except about its leases, its fences and what it saved. */
function isAboutNothing(draft: Draft, event: RunEvent): boolean {
  if (!("attempt" in event) || event.attempt === undefined) return false;
  const attempt = findAttempt(draft.context, event.attempt);
  if (attempt === undefined) return true;
  const late = [
    "lease-created",
    "lease-refused",
    "lease-unclear",
    "lease-released",
    "release-unconfirmed",
    "lease-given-back",
    "host-lost",
    "job-exited",
    "checkpoint-saved",
  ];
  return isEnding(attempt) && !late.includes(event.type);
}

function apply(draft: Draft, event: RunEvent): void {
  switch (event.type) {
    case "run-submitted":
      return mustWait(draft) ? waitForStart(draft) : beginPlanning(draft);
    case "plan-made":
      return applyPlanMade(draft, event);
    case "lease-created":
      return applyLeaseCreated(draft, event);
    case "lease-refused":
      return applyLeaseRefused(draft, event);
    case "lease-priced":
      return applyLeasePriced(draft, event);
    case "lease-unclear":
      updateMember(draft, event.attempt, event.member, { state: "unclear" });
      return;
    case "node-ready":
      return applyNodeReady(draft, event);
    case "node-failed":
      if (event.billedFrom !== undefined)
        updateMember(draft, event.attempt, event.member, { billedFrom: event.billedFrom });
      return failAttempt(draft, event.attempt, event.failure);
    case "prepare-failed":
      return failAttempt(draft, event.attempt, event.failure);
    case "host-prepared":
      return applyHostPrepared(draft, event);
    case "job-started":
      return applyJobStarted(draft, event);
    case "node-set-up":
      return applyNodeSetUp(draft, event);
    case "job-exited":
      return applyJobExited(draft, event);
    case "host-silent":
      return applyHostSilent(draft, event);
    case "host-heard":
      return applyHostHeard(draft, event);
    case "host-lost":
      return applyHostLost(draft, event);
    case "interruption-noticed":
      return applyInterruption(draft, event);
    case "checkpoint-saved":
      return applyCheckpointSaved(draft, event);
    case "checkpoint-missed":
      return noteUnsaved(draft, event, true);
    case "outputs-collected":
      return applyCollected(draft, event);
    case "collect-failed":
      return applyCollectFailed(draft, event);
    case "lease-released":
      return applyLeaseReleased(draft, event);
    case "release-unconfirmed":
      updateMember(draft, event.attempt, event.member, { isUnconfirmed: true });
      return;
    case "lease-given-back":
      updateMember(draft, event.attempt, event.member, {
        isGivenBack: true,
        ...(event.isJobEnded === true ? { fence: { by: "supervisor", at: event.at } } : {}),
      });
      return;
    case "timer-fired":
      return applyTimer(draft, event);
    case "stop-wished":
      return applyStopWished(draft, event);
    case "keep-ended":
      return applyKeepEnded(draft);
    case "lease-given":
      return applyLeaseGiven(draft, event);
    case "lease-vouched":
      return applyVouched(draft, event);
    default:
      return assertNever(event);
  }
}

function beginPlanning(draft: Draft): void {
  update(draft, { planning: "next" });
  ask(draft, { kind: "plan" });
}

function applyTimer(draft: Draft, event: RunEvent & { readonly type: "timer-fired" }): void {
  switch (event.timer) {
    case "replan":
      if (draft.context.isQueued !== true) return beginSpare(draft);
      return beginPlanning(draft);
    case "start":
      // The clock may have been set back since: then it waits on.
      if (mustWait(draft)) return waitForStart(draft);
      clear(draft, "isQueued");
      return beginPlanning(draft);
    case "slow-boot":
      return applySlowBoot(draft, event);
    case "time-limit":
      return applyTimeLimit(draft);
    case "budget":
    case "budget-warning":
      return applyBudgetTimer(draft, event.timer);
    case "tether":
    case "unreachable":
      return applyTetherTimer(draft, event);
    case "hold":
      return applyHoldTimer(draft, event);
    case "keep":
      return applyKeepEnded(draft);
    default:
      return assertNever(event.timer);
  }
}
