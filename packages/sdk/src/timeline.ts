import type { RunEvent as JournalEvent } from "@gpujob/engine";
import type { Failure, Money } from "@gpujob/spec";
import { formatBytes, formatDuration, formatMoney } from "@gpujob/spec";
import type { EventRow } from "@gpujob/store";
import type { TimelineEntry } from "./gpujob.ts";
import { readStored } from "@gpujob/engine";

/** A journal row as one line for people; `undefined` for types that an older program does not know. */
export function toTimelineEntry(row: EventRow): TimelineEntry | undefined {
  // Written by this program; a newer one may have written types that are skipped here.
  const event = readStored<JournalEvent>(row.data);
  const message = describeEvent(event);
  if (message === undefined) return undefined;
  return {
    at: new Date(row.at).toISOString(),
    type: row.type,
    attempt: "attempt" in event && event.attempt !== undefined ? event.attempt : null,
    message,
  };
}

/** What happened, in one sentence. */
export function describeEvent(event: JournalEvent): string | undefined {
  switch (event.type) {
    case "run-submitted":
      return "Submitted.";
    case "plan-made":
      return describePlan(event);
    case "lease-created":
      return `Rented${event.pricePerHour === undefined ? "" : ` for ${perHour(event.pricePerHour)}`}: machine ${event.leaseId}.`;
    case "lease-priced":
      return `The machine costs ${perHour(event.pricePerHour)}.`;
    case "lease-refused":
      return `Not rented: ${event.failure.message}`;
    case "lease-unclear":
      return `It is not known whether a machine was made: ${event.failure.message} Looking for it.`;
    case "node-ready":
      return ["The machine is ready.", ...event.warnings].join(" ");
    case "node-failed":
      return `The machine did not become ready: ${event.failure.message}`;
    case "host-prepared":
      return describePrepared(event);
    case "prepare-failed":
      return `The machine could not be prepared: ${event.failure.message}`;
    case "job-started":
      return event.isResumed === true ? "The job runs, from the last checkpoint." : "The job runs.";
    case "node-set-up":
      return "A node is set up.";
    case "job-exited":
      return describeExit(event);
    case "host-silent":
      return "The machine does not answer; a replacement is being prepared.";
    case "host-heard":
      return "The machine answers again.";
    case "host-lost":
      return event.failure.message;
    case "interruption-noticed":
      return `Interruption announced: ${event.reason}`;
    case "checkpoint-saved":
      return describeSaved(event);
    case "checkpoint-missed":
      return `No checkpoint could be saved: ${sayLeftOut(event)}. Write a new file and rename it into its place, or save less often.`;
    case "outputs-collected":
      return `Outputs fetched: ${countOf(event.files.length, "file")}${event.skipped > 0 ? `, ${event.skipped} skipped` : ""}.`;
    case "collect-failed":
      return `Outputs could not be fetched: ${event.failure.message}`;
    case "lease-released":
      return event.state === "never" ? "No machine was made." : "Released, and proven to be gone.";
    case "release-unconfirmed":
      return `Not confirmed as released: ${withHint(event.failure)}`;
    case "lease-given-back":
      return event.failure === undefined
        ? "Given back; it bills until you end it: see gpujob audit."
        : `Not given back: ${withHint(event.failure)}`;
    case "timer-fired":
      return describeTimer(event.timer);
    case "stop-wished":
      return event.reason === "cancelled" ? "Stop asked for." : "Stopped by SIGTERM.";
    case "keep-ended":
      return "The machine is no longer kept.";
    case "lease-given":
      return `The kept machine goes on with ${event.to}.`;
    case "lease-vouched":
      return "The user vouched for the end of the machine.";
    default:
      return undefined;
  }
}

function describeExit(event: JournalEvent & { readonly type: "job-exited" }): string {
  const { exit, memoryText } = event;
  const memory =
    memoryText === undefined ? "" : ` The memory of its card ran out ("${memoryText}" in its log).`;
  return `The job ended with exit code ${exit.code} (${exit.reason}).${memory}`;
}

function describeSaved(event: JournalEvent & { readonly type: "checkpoint-saved" }): string {
  const { files, bytes } = event.checkpoint;
  const without = event.skipped === 0 ? "" : `, without ${sayLeftOut(event)}`;
  return `Checkpoint saved: ${countOf(files, "file")}, ${formatBytes(bytes)}${without}.`;
}

/** The first files that could not be saved, and how many more there are. */
function sayLeftOut({
  skipped,
  leftOut = [],
}: {
  readonly skipped: number;
  readonly leftOut?: readonly string[];
}): string {
  if (leftOut.length === 0) return countOf(skipped, "file");
  const more = skipped - leftOut.length;
  return `${leftOut.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function describePrepared(event: JournalEvent & { readonly type: "host-prepared" }): string {
  const sent =
    event.totalBytes === 0
      ? "No files to send"
      : `Files are in place: ${formatBytes(event.sentBytes)} of ${formatBytes(event.totalBytes)} sent`;
  return `${sent}${event.isResumed ? ", with the last checkpoint" : ""}.`;
}

/** Which of the offers is taken depends on what failed before, so the first of the list is not named. */
function describePlan(event: JournalEvent & { readonly type: "plan-made" }): string {
  const { candidates, aboveGib, waitedMs } = event;
  const larger =
    aboveGib === undefined ? "" : ` with more than ${aboveGib} GiB per card, as retry.rules asks`;
  const missing = event.missing
    .map(({ platform, reason }) => ` No offers from ${platform}: ${reason}`)
    .join("");
  if (candidates.length === 0) return `No offer${larger} fits now.${missing}`;
  const waited =
    waitedMs === undefined
      ? ""
      : `Stock after ${formatDuration(Math.round(waitedMs / 1000) * 1000)} of waiting: `;
  return `${waited}${countOf(candidates.length, "offer")}${larger} ${candidates.length === 1 ? "fits" : "fit"}.${missing}`;
}

function describeTimer(timer: string): string | undefined {
  switch (timer) {
    case "time-limit":
      return "The time limit is reached.";
    case "budget":
      return "The budget is reached.";
    case "budget-warning":
      return "80 % of the budget is spent.";
    case "hold":
      return "The machine was held for as long as limits.hold allows.";
    case "unreachable":
      return "The machine has been silent for too long.";
    case "start":
      return "The time to start has come.";
    case "tether":
      return "The host's tether has run out: its job is frozen.";
    case "slow-boot":
      return "The machine boots longer than most of its kind; a second one is looked for.";
    case "keep":
      return "The machine was kept for as long as the job file says.";
    default:
      return undefined;
  }
}

function perHour(money: Money): string {
  return `${formatMoney(money)}/h`;
}

function withHint({ message, hint }: Failure): string {
  return hint === undefined ? message : `${message} ${hint}`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
