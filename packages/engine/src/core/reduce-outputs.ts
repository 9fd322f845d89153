import { cancelWork, releaseAttempt } from "./attempt.ts";
import type { Draft } from "./draft.ts";
import {
  ask,
  attemptOf,
  cancel,
  findAttempt,
  update,
  updateAttempt,
  updateMember,
} from "./draft.ts";
import type { RunEvent } from "./events.ts";
import { endOf } from "./job-end.ts";
import { giveUpOutputs, loseOutputs } from "./lose-outputs.ts";

type Of<Type extends RunEvent["type"]> = RunEvent & { readonly type: Type };

export function applyCollected(draft: Draft, event: Of<"outputs-collected">): void {
  const { attempt: number, bytes = [] } = event;
  for (const [member, homeBytes] of bytes.entries())
    updateMember(draft, number, member, { homeBytes });
  const attempt = updateAttempt(draft, number, { isCollected: true });
  const outputs = new Set([...draft.context.outputs, ...event.files]);
  update(draft, { outputs: [...outputs], isCollectFailed: false });
  cancel(draft, { kind: "timer", timer: "hold", attempt: number });
  const { keepMs } = draft.submission.job;
  const end = endOf(attempt);
  if (keepMs !== undefined && end.next === "settle" && draft.context.wish === undefined) {
    updateAttempt(draft, number, { phase: "holding" });
    return ask(draft, { kind: "timer", timer: "keep", attempt: number }, draft.at + keepMs);
  }
  releaseAttempt(draft, number, end);
}

/** The outputs are still on the machine: it is held, and they are asked for again, until `limits.hold` is over. */
export function applyCollectFailed(draft: Draft, event: Of<"collect-failed">): void {
  const { attempt: number } = event;
  const attempt = attemptOf(draft.context, number);
  update(draft, { isCollectFailed: true });
  const end = endOf(attempt);
  // A machine that is gone cannot be held, and a replacement is worth more than partial outputs.
  if (event.failure.kind === "lease_failed") return loseOutputs(draft, number, event.failure);
  if (end.next === "retry") return releaseAttempt(draft, number, end);
  if (attempt.phase === "collecting") {
    updateAttempt(draft, number, { phase: "holding" });
    ask(
      draft,
      { kind: "timer", timer: "hold", attempt: number },
      draft.at + draft.submission.job.limits.holdMs,
    );
  }
  ask(draft, { kind: "collect-outputs", attempt: number }, draft.at + collectAgainMs);
}

/** The machine is another run's from here on: nothing is released, and this run's bill ends. */
export function applyLeaseGiven(draft: Draft, event: Of<"lease-given">): void {
  const attempt = attemptOf(draft.context, event.attempt);
  if (attempt.phase !== "holding" || attempt.isCollected !== true) return;
  cancelWork(draft, attempt);
  for (const { member, billedFrom } of attempt.members) {
    const billedTo = billedFrom === undefined ? {} : { billedTo: event.at };
    updateMember(draft, event.attempt, member, { state: "given", ...billedTo });
  }
  updateAttempt(draft, event.attempt, { phase: "releasing" });
}

export function applyHoldTimer(draft: Draft, event: Of<"timer-fired">): void {
  const attempt = findAttempt(draft.context, event.attempt ?? 0);
  if (attempt?.phase !== "holding") return;
  giveUpOutputs(
    draft,
    attempt.number,
    "The machine was held for them as long as limits.hold says.",
  );
}

const collectAgainMs = 15_000;
