import type { Failure, HostExit } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { afterFailure } from "./after-failure.ts";
import type { Attempt, AttemptEnd, Outcome, StopCause } from "./context.ts";
import type { Draft } from "./draft.ts";
import { decideOutcome, limitOutcome, wishOutcome } from "./outcomes.ts";

/** The end that an attempt was given when its job was over. */
export function endOf(attempt: Attempt): AttemptEnd {
  if (attempt.end === undefined) {
    throw new GpujobError(
      "internal",
      `Attempt ${attempt.number} has no end although its job is over.`,
    );
  }
  return attempt.end;
}

/** How an attempt ends whose job is over on every node: by its own codes, or by why it was stopped. */
export function endOfJob(draft: Draft, attempt: Attempt): AttemptEnd {
  const cause = draft.context.wish ?? attempt.stopping;
  if (cause?.kind === "wish") return settle(draft, wishOutcome(cause));
  const hasFinished = attempt.members.every(
    ({ exit }) => exit?.reason === "exited" && exit.code === 0,
  );
  // It was done before the stop reached it, perhaps long before: while nobody drove.
  if ((cause?.kind === "time" || cause?.kind === "budget") && !hasFinished) {
    return settle(draft, limitOutcome(cause, draft));
  }
  if (cause?.kind === "interruption") {
    return afterFailure(
      draft,
      attempt,
      {
        kind: "interrupted",
        scope: cause.isDrill === true ? "call" : "offer",
        message: cause.reason,
      },
      "current",
    );
  }
  const { exit, memoryText } = decisiveEnd(attempt, cause);
  if (exit.reason === "exited" && exit.code === 0) {
    return settle(draft, { state: "succeeded", exitCode: 0, reason: "The job finished." });
  }
  if (exit.reason === "idle" && draft.submission.job.run === undefined) {
    return settle(draft, { state: "succeeded", exitCode: 0, reason: "The machine was idle." });
  }
  const lost = lostCard(attempt);
  if (lost !== undefined) return afterFailure(draft, attempt, lost, "current");
  const failure = failureOfExit(exit, attempt, memoryText);
  const memory = ranOut(exit, memoryText);
  const end = { exitCode: exit.code, ...(memory === undefined ? {} : { ranOut: memory }) };
  return afterFailure(draft, attempt, failure, "current", end);
}

/** Whose memory ran out, as far as that is known. */
function ranOut(exit: HostExit, memoryText: string | undefined): "machine" | "card" | undefined {
  if (exit.reason === "out-of-memory") return "machine";
  return exit.reason === "exited" && memoryText !== undefined ? "card" : undefined;
}

/**
 * Errors of the NVIDIA driver that mean a bad card or link, whatever the program did: double-bit ECC (48, 95), rows that
 * cannot be remapped (64), NVLink (74), a card off the bus (79), many single-bit errors (92), contained ECC (94), GSP (119,
 * 120). Others, such as 13, 31 and 43, are the program's. 63 says that a bad row was retired and is mended by a reset.
 * — https://docs.nvidia.com/deploy/xid-errors (2026-11)
 */
const badCardXids: ReadonlySet<number> = new Set([48, 63, 64, 74, 79, 92, 94, 95, 119, 120]);

/** A job that failed on a card that failed is not the job's mistake: it goes on elsewhere. */
function lostCard(attempt: Attempt): Failure | undefined {
  const bad = attempt.members.find(
    ({ exit }) => exit !== undefined && exit.code !== 0 && badCardXids.has(exit.xid ?? Number.NaN),
  );
  if (bad?.exit?.xid === undefined) return undefined;
  return {
    kind: "interrupted",
    scope: "host",
    message: `A card of the machine failed while the job ran (NVIDIA Xid ${bad.exit.xid}).`,
  };
}

/** In a gang the first node that failed speaks for all. */
function decisiveEnd(
  attempt: Attempt,
  cause: StopCause | undefined,
): { readonly exit: HostExit; readonly memoryText?: string } {
  const ends = attempt.members.flatMap(({ exit, memoryText }) =>
    exit === undefined ? [] : [{ exit, ...(memoryText === undefined ? {} : { memoryText }) }],
  );
  const first =
    cause?.kind === "member"
      ? ends.find(({ exit }) => exit === attempt.members[cause.member]?.exit)
      : undefined;
  const end =
    first ?? ends.find(({ exit }) => exit.code !== 0 || exit.reason !== "exited") ?? ends[0];
  if (end === undefined)
    throw new GpujobError("internal", `No node of attempt ${attempt.number} has ended.`);
  return end;
}

function failureOfExit(exit: HostExit, attempt: Attempt, memoryText?: string): Failure {
  switch (exit.reason) {
    case "exited":
    case "stopped":
      return failureOfCode(exit, memoryText);
    case "setup":
      return {
        kind: "setup_failed",
        message: `The set-up ended with exit code ${exit.code}.`,
        hint: "See the log: gpujob logs.",
      };
    case "time-limit":
      return {
        kind: "time_limit",
        message: "The job was stopped by its time limit.",
        hint: "Raise limits.time.",
      };
    case "idle":
      return {
        kind: "stalled",
        message: "Log and card were silent for longer than `idle` allows.",
      };
    case "log-limit":
      return {
        kind: "log_limit",
        message: "The job wrote more log than the limit allows.",
        hint: "Write less to stdout, or send it to a file in outputs.",
      };
    case "out-of-memory":
      return {
        kind: "out_of_memory",
        message: "The job was killed because memory ran out.",
        hint: "Ask for more memory, or make the job smaller.",
      };
    case "disk-full":
      return {
        kind: "host_disk_full",
        message: "The disk of the machine is full.",
        hint: "Ask for more with resources.disk.",
      };
    case "orphaned":
      return {
        kind: "terminated",
        message:
          "Nothing drove the run for longer than `orphan` allows, so the host stopped the job.",
      };
    case "tether":
    case "rebooted":
      return {
        kind: "interrupted",
        // A machine that no API ends is there again, and may be the only one; another is better replaced.
        scope: attempt.candidate.capabilities.release === "api" ? "offer" : "call",
        message: `The machine stopped the job (${exit.reason}).`,
      };
    case "unknown":
      return { kind: "result_unknown", message: "The job is over, but its exit code was lost." };
  }
}

function failureOfCode({ code, reason }: HostExit, memoryText: string | undefined): Failure {
  const message = `The job ended with exit code ${code}`;
  if (reason !== "exited" || memoryText === undefined)
    return { kind: "exit_nonzero", message: `${message}.` };
  return {
    kind: "exit_nonzero",
    message: `${message}: the memory of its card ran out ("${memoryText}" in its log).`,
    hint: "Ask for more memory per card, make the job smaller, or let retry.rules choose: [{ on: oom, gpu: larger }].",
  };
}

function settle(draft: Draft, outcome: Outcome): AttemptEnd {
  decideOutcome(draft, outcome);
  return {
    next: "settle",
    reason: outcome.reason,
    ...(outcome.failure === undefined ? {} : { failure: outcome.failure }),
  };
}
