import type {
  DriverEvent,
  RunContext,
  RunEvent as JournalEvent,
  Snapshot,
  Submission,
} from "@gpujob/engine";
import { stateOf } from "@gpujob/engine";
import { formatDuration } from "@gpujob/spec";
import type { Clock } from "@gpujob/spec";
import { renewalsSoon } from "./by-hand.ts";
import type { RunEvent } from "./gpujob.ts";
import { keptUntil, sayKept } from "./kept-until.ts";
import { describeEvent } from "./timeline.ts";

/** The same trouble is told again only after so long, in milliseconds. */
const repeatMs = 30_000;

/** Troubles of these operations are the driver's own business: what comes of them is in the journal. */
const quietOperations = new Set([
  "await-node",
  "watch",
  "tether",
  "watchPlatform",
  "prepare",
  "collect",
  "checkpoint",
  "stop",
]);

/** Turns what the driver says into what a person wants to see. */
export function createLiveEvents(
  clock: Clock,
  submission: Submission,
): (event: DriverEvent) => readonly RunEvent[] {
  const told = new Map<string, number>();
  const begun = new Map<string, number>();
  let lastPlan: string | undefined;
  let context: RunContext | undefined;

  /** Once for each paid unit that is about to begin. */
  function renewals(at: number): readonly RunEvent[] {
    const soon = context === undefined ? [] : renewalsSoon(context, at);
    return soon.flatMap(({ key, message }) => {
      if (told.has(key)) return [];
      told.set(key, at);
      const hint = "Stop the job and end the machine before if you do not want to pay it.";
      return [{ type: "notice", at, level: "warning", message, hint }];
    });
  }

  return (event) => {
    const at = clock.now();
    switch (event.type) {
      case "journal": {
        context = event.snapshot.context;
        if (event.event.type === "plan-made") {
          // Asked every half minute, a long queue would else fill the screen with one sentence.
          const said = describeEvent(event.event);
          if (said === lastPlan && event.snapshot.phase === "queued") return [];
          lastPlan = said;
        }
        return fromJournal(event.event, event.snapshot, submission);
      }
      case "progress": {
        const key = `${event.what}/${event.attempt}`;
        if (!begun.has(key)) begun.set(key, at);
        const elapsedMs = at - (begun.get(key) ?? at);
        return [{ type: "progress", at, what: event.what, progress: event.progress, elapsedMs }];
      }
      case "trouble": {
        const { failure, operation } = event;
        const key = `${operation}/${failure.message}`;
        if (
          quietOperations.has(operation) ||
          at - (told.get(key) ?? Number.NEGATIVE_INFINITY) < repeatMs
        )
          return [];
        told.set(key, at);
        return [
          {
            type: "notice",
            at,
            level: "warning",
            message: failure.message,
            ...(failure.hint === undefined ? {} : { hint: failure.hint }),
          },
        ];
      }
      case "beat":
        return renewals(at);
      case "log":
        return [];
    }
  };
}

/** How long is waited for stock: as the user said, or, after a loss, for a platform that did not answer. */
function sayWait(at: number, { context }: Snapshot, { job }: Submission): string {
  const { queueMs } = job;
  if (queueMs !== undefined) return `Asking again for at most ${formatDuration(queueMs)} (queue).`;
  const leftMs = Math.max(0, (context.queuedUntil ?? at) - at);
  return `Asking again for at most ${formatDuration(Math.ceil(leftMs / 1000) * 1000)}.`;
}

/** The second of two that are asked at once. */
function sayHedge({ context }: Snapshot): string {
  const spare = context.attempts[(context.spare ?? 0) - 1];
  if (spare?.isHedge !== true) return "";
  const { platform, offerId } = spare.candidate.offer;
  return ` Hedge: asks ${platform} ${offerId} at the same time; the first that boots is kept.`;
}

function fromJournal(
  event: JournalEvent,
  snapshot: Snapshot,
  submission: Submission,
): readonly RunEvent[] {
  const message = describeEvent(event);
  if (message === undefined) return [];
  if (event.type === "timer-fired" && event.timer === "budget-warning") {
    return [
      {
        type: "notice",
        at: event.at,
        level: "warning",
        message,
        hint: "The job is stopped and saved when the budget is reached.",
      },
    ];
  }
  if (event.type === "checkpoint-missed")
    return [{ type: "notice", at: event.at, level: "warning", message }];
  const { context } = snapshot;
  const told =
    event.type === "plan-made" && snapshot.phase === "queued"
      ? `${message} ${sayWait(event.at, snapshot, submission)}`
      : `${message}${event.type === "plan-made" ? sayHedge(snapshot) : ""}`;
  const kept = keptUntil(submission, snapshot, [event]);
  if (kept?.why === "keep") {
    const words = `${message} ${sayKept(kept, context.runId)}`;
    return [{ type: "notice", at: event.at, level: "info", message: words }];
  }
  const number =
    "attempt" in event && event.attempt !== undefined ? event.attempt : context.current;
  const attempt = context.attempts[number - 1];
  return [
    {
      type: "state",
      at: event.at,
      state: stateOf(snapshot),
      attempt: attempt?.number ?? null,
      platform: attempt?.candidate.offer.platform ?? null,
      message: told,
    },
  ];
}
