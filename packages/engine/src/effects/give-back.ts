import type { Failure } from "@gpujob/spec";
import type { MemberRef, Work } from "./work.ts";
import { lookUp } from "./work.ts";

/** A machine that cannot be reached for so long holds up the end of its run no more, in milliseconds. */
const patienceMs = 30_000;

/** What asking for the release brought this time. */
interface Answer {
  readonly isAccepted: boolean;
  /** The platform expects a change by then. */
  readonly againAfterMs?: number;
  readonly failure?: Failure;
  /** The machine has said that the job has ended. */
  readonly isJobEnded: boolean;
  /** Since the release was first asked for. */
  readonly elapsedMs: number;
}

/**
 * The end of our part on a machine that no API ends. `over`: nothing is left to be asked for, though a machine that was
 * rented by hand bills on. `again`: ask on, for as long as the run is driven.
 */
export async function giveBack(
  work: Work,
  ref: MemberRef,
  answer: Answer,
): Promise<"over" | "again"> {
  const { session } = work;
  const { attempt, member, target } = lookUp(work, ref);
  const isByHand = target.capabilities.release === "by-hand";
  const mayEndItself =
    answer.againAfterMs !== undefined && answer.elapsedMs < target.timeouts.releaseMs;
  // The machine lives on: unless its job is known to be over, that may do so too.
  const isJobOver =
    answer.isJobEnded || member.fence !== undefined || attempt.isStartAsked !== true;
  if (isByHand && answer.isAccepted && !mayEndItself && isJobOver) {
    await session.emit(
      {
        type: "lease-given-back",
        ...ref,
        ...(answer.isJobEnded && member.fence === undefined ? { isJobEnded: true } : {}),
      },
      { finish: work.effectId },
    );
    return "over";
  }
  // One that was accepted is about to be proven, by the next look.
  const isLost = !answer.isAccepted && answer.elapsedMs >= patienceMs;
  if (isLost && member.isGivenBack !== true) {
    const { failure } = answer;
    await session.emit({
      type: "lease-given-back",
      ...ref,
      ...(failure === undefined ? {} : { failure }),
    });
  }
  return "again";
}
