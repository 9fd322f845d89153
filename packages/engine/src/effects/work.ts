import type { Clock, Failure } from "@gpujob/spec";
import { GpujobError, PlatformError, supersededCode } from "@gpujob/spec";
import type { Attempt, Member } from "../core/context.ts";
import { attemptOf, memberOf } from "../core/draft.ts";
import type { EnginePlatform } from "../driver/ports.ts";
import type { RunSession } from "../driver/run-session.ts";

/** One effect being done. */
export interface Work {
  readonly session: RunSession;
  readonly effectId: string;
  /** How often it was begun before: more than 0 means that its outcome may be unclear. */
  readonly tries: number;
  readonly signal: AbortSignal;
}

export interface MemberRef {
  readonly attempt: number;
  readonly member: number;
}

/** The attempt, member and platform that an effect is about, as they are now. */
export function lookUp(
  work: Work,
  ref: MemberRef,
): { readonly attempt: Attempt; readonly member: Member; readonly target: EnginePlatform } {
  const { session } = work;
  const attempt = attemptOf(session.snapshot().context, ref.attempt);
  return {
    attempt,
    member: memberOf(attempt, ref.member),
    target: session.ports.platform(attempt.candidate.offer.platform),
  };
}

/** Waits between tries: doubles from `firstMs` to `mostMs`. */
export function backOff(firstMs: number, mostMs: number): () => number {
  let next = firstMs;
  return () => {
    const now = next;
    next = Math.min(next * 2, mostMs);
    return now;
  };
}

/** Why something is ended that nobody needs any more. One for all: an `abort` without a reason makes an error each time. */
export const noLongerNeeded = new GpujobError("aborted", "It is no longer needed.");

/** A signal that fires with this one or once the clock has gone on by `ms`: a deadline on one call. Must be cleared. */
export function deadline(
  clock: Clock,
  signal: AbortSignal,
  ms: number,
): { readonly signal: AbortSignal; readonly clear: () => void } {
  const controller = new AbortController();
  const timer = new AbortController();
  clock.sleep(ms, { signal: timer.signal }).then(
    () =>
      controller.abort(
        new PlatformError("unreachable", `No answer within ${Math.round(ms / 1000)} s.`),
      ),
    () => undefined,
  );
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    clear: () => timer.abort(noLongerNeeded),
  };
}

/** The host has served a newer driver: this process or this store is an old one, and nothing here is ours to end. */
export function isSuperseded(failure: Failure): boolean {
  return failure.kind === "forbidden" && failure.platformCode === supersededCode;
}
