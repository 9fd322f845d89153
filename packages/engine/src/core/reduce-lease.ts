import { convertMoney } from "@gpujob/catalog";
import { paidPerHour } from "@gpujob/scheduler";
import type { Failure } from "@gpujob/spec";
import { formatMoney } from "@gpujob/spec";
import type { RunEvent } from "./events.ts";
import { beginAttempt, beginPlannedSpare, failAttempt } from "./attempt.ts";
import { untilTooLate } from "./appointment.ts";
import { firstUsable } from "./candidates.ts";
import type { Draft } from "./draft.ts";
import {
  ask,
  attemptOf,
  cancel,
  clear,
  memberOf,
  update,
  updateAttempt,
  updateMember,
} from "./draft.ts";
import { armBudget, probeAllowanceMs, suspendTimeLimit } from "./limits.ts";
import { isToBeFetched, loseOutputs } from "./lose-outputs.ts";
import { decideOutcome, noOfferOutcome } from "./outcomes.ts";
import { patienceMs, planLater } from "./replan.ts";
import { isEnding } from "./status.ts";

type Of<Type extends RunEvent["type"]> = RunEvent & { readonly type: Type };

export function applyPlanMade(draft: Draft, event: Of<"plan-made">): void {
  const purpose = draft.context.planning;
  // Taken back while it was being made: nobody wants it any more.
  if (purpose === undefined) return;
  clear(draft, "planning");
  update(draft, { candidates: event.candidates, plannedAt: event.at, missing: event.missing });
  if (purpose === "spare") return beginPlannedSpare(draft);
  const candidate = firstUsable(draft.context, event.at);
  if (candidate !== undefined) {
    clear(draft, "isQueued", "queuedSince");
    return beginAttempt(draft, candidate, "current");
  }
  // What only the user can mend does not get better by waiting.
  const isForUser = event.explanation?.kind === "needs_credentials";
  const waitMs = isForUser ? undefined : untilTooLate(draft, patienceMs(draft, event.missing));
  if (waitMs !== undefined && mayQueue(draft, waitMs)) return enterQueue(draft, waitMs, event);
  const { queuedSince } = draft.context;
  const waited = queuedSince === undefined ? {} : { waitedMs: event.at - queuedSince };
  clear(draft, "isQueued", "queuedSince");
  decideOutcome(draft, noOfferOutcome(draft.context, event.explanation, waited));
}

function mayQueue(draft: Draft, waitMs: number): boolean {
  return draft.at < (draft.context.queuedUntil ?? draft.at + waitMs);
}

function enterQueue(draft: Draft, waitMs: number, { againAfterMs }: Of<"plan-made">): void {
  const { queuedUntil = draft.at + waitMs, queuedSince = draft.at } = draft.context;
  suspendTimeLimit(draft);
  update(draft, { isQueued: true, queuedUntil, queuedSince });
  const after = againAfterMs === undefined ? {} : { afterMs: againAfterMs };
  planLater(draft, { untilMs: queuedUntil, ...after });
}

export function applyLeaseCreated(draft: Draft, event: Of<"lease-created">): void {
  const { attempt: number, member } = event;
  updateMember(draft, number, member, {
    state: "held",
    leaseId: event.leaseId,
    createdAt: event.at,
    ...(event.pricePerHour === undefined ? {} : { pricePerHour: event.pricePerHour }),
    ...(event.billedFrom === undefined ? {} : { billedFrom: event.billedFrom }),
  });
  const attempt = attemptOf(draft.context, number);
  if (isEnding(attempt)) {
    updateMember(draft, number, member, { state: "releasing" });
    ask(draft, { kind: "release-lease", attempt: number, member });
    return;
  }
  armBudget(draft);
  const dearer = dearerThanAllowed(draft, event);
  if (dearer !== undefined) return failAttempt(draft, number, dearer);
  const { capabilities, offer } = attempt.candidate;
  if (offer.autoRelease ?? capabilities.autoRelease) {
    ask(draft, { kind: "extend-lease", attempt: number, member });
  }
  if (!attempt.members.every((each) => each.state === "held")) return;
  updateAttempt(draft, number, { phase: "booting" });
  watchBoot(draft, number, event);
  for (const each of attempt.members)
    ask(draft, { kind: "await-node", attempt: number, member: each.member });
}

/** One that boots longer than machines of its kind do gets a second one beside it; an extra placement itself does not. */
function watchBoot(draft: Draft, number: number, { at, usualBootMs }: Of<"lease-created">): void {
  if (usualBootMs === undefined || number !== draft.context.current) return;
  updateAttempt(draft, number, { usualBootMs });
  const dueAt = at + usualBootMs + probeAllowanceMs(draft.submission.job);
  ask(draft, { kind: "timer", timer: "slow-boot", attempt: number }, dueAt);
}

/** The price of a machine that was rented without one: charged from its beginning, and held to the limit. */
export function applyLeasePriced(draft: Draft, event: Of<"lease-priced">): void {
  const { attempt: number, member, pricePerHour } = event;
  updateMember(draft, number, member, { pricePerHour });
  armBudget(draft);
  const dearer = dearerThanAllowed(draft, event);
  if (dearer !== undefined) failAttempt(draft, number, dearer);
}

/** Some platforms tell the price only now: a machine above the limit is given back at once. */
function dearerThanAllowed(
  draft: Draft,
  event: Of<"lease-created"> | Of<"lease-priced">,
): Failure | undefined {
  const { job, rates } = draft.submission;
  const limit = job.limits.pricePerHour;
  if (limit === undefined || event.pricePerHour === undefined) return undefined;
  const { offer } = attemptOf(draft.context, event.attempt).candidate;
  const own = paidPerHour(offer.price, event.pricePerHour);
  const price = convertMoney(own, limit.currency, rates);
  if (price.micros * job.resources.nodes <= limit.micros) return undefined;
  return {
    kind: "price_changed",
    scope: "offer",
    message: `The machine costs ${formatMoney(price)}/h, and limits.price allows ${formatMoney(limit)}/h.`,
    hint: "Raise limits.price, or take another offer.",
  };
}

export function applyLeaseRefused(draft: Draft, event: Of<"lease-refused">): void {
  updateMember(draft, event.attempt, event.member, {
    state: "never",
    ...(event.watchUntil === undefined ? {} : { watchUntil: event.watchUntil }),
  });
  failAttempt(draft, event.attempt, event.failure);
}

export function applyLeaseReleased(draft: Draft, event: Of<"lease-released">): void {
  const { attempt: number, member: index } = event;
  const member = memberOf(attemptOf(draft.context, number), index);
  const billedFrom = member.billedFrom ?? event.billedFrom;
  // By our own clock, which may have been set back meanwhile, where the platform does not say.
  const billedTo =
    billedFrom === undefined ? event.billedTo : Math.max(billedFrom, event.billedTo ?? event.at);
  updateMember(draft, number, index, {
    state: event.state,
    isUnconfirmed: false,
    ...(billedFrom === undefined ? {} : { billedFrom }),
    ...(billedTo === undefined ? {} : { billedTo }),
    ...(member.pricePerHour !== undefined || event.pricePerHour === undefined
      ? {}
      : { pricePerHour: event.pricePerHour }),
  });
  armBudget(draft);
}

export function applyVouched(draft: Draft, event: Of<"lease-vouched">): void {
  for (const attempt of draft.context.attempts) {
    for (const member of attempt.members) {
      if (member.leaseKey !== event.leaseKey) continue;
      updateMember(draft, attempt.number, member.member, {
        state: "vouched",
        isUnconfirmed: false,
        fence: { by: "user", at: event.at },
        ...(member.billedFrom === undefined ? {} : { billedTo: event.at }),
      });
      cancel(draft, { kind: "release-lease", attempt: attempt.number, member: member.member });
      const failure: Failure = {
        kind: "interrupted",
        message: "You said that the machine has ended.",
      };
      if (isToBeFetched(attempt)) loseOutputs(draft, attempt.number, failure);
      else failAttempt(draft, attempt.number, failure);
    }
  }
}
