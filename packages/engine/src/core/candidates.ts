import { isExcluded } from "@gpujob/scheduler";
import type { Candidate, RunContext } from "./context.ts";
import type { Draft } from "./draft.ts";
import { isLargeEnough } from "./larger-card.ts";

/** A plan older than this is made again before it is rented from. */
const freshPlanMs = 60_000;

/** The best ranked offer that is not excluded now and not in use by this run, from a plan that is still fresh. */
export function nextCandidate(
  draft: Draft,
  isFit: (candidate: Candidate) => boolean = () => true,
): Candidate | undefined {
  return isFresh(draft) ? firstUsable(draft.context, draft.at, isFit) : undefined;
}

/** Is the last plan new enough to rent from? */
export function isFresh({ context, at }: Draft): boolean {
  return context.plannedAt !== undefined && at - context.plannedAt <= freshPlanMs;
}

/** The same from a plan just made, however long it took. */
export function firstUsable(
  context: RunContext,
  at: number,
  isFit: (candidate: Candidate) => boolean = () => true,
): Candidate | undefined {
  return usable(context, at).find(isFit);
}

/** All of the last plan, by rank, that are not excluded now and not in use by this run. */
export function usable(context: RunContext, at: number): readonly Candidate[] {
  const inUse = new Set(
    context.attempts
      .filter((attempt) => attempt.phase !== "closed")
      .map((attempt) => placeOf(attempt.candidate)),
  );
  return context.candidates.filter(
    (candidate) =>
      !inUse.has(placeOf(candidate)) &&
      isLargeEnough(candidate.offer, context.larger) &&
      !context.exclusions.some(
        (exclusion) => exclusion.untilMs > at && isExcluded(exclusion, candidate.offer),
      ),
  );
}

function placeOf(candidate: Candidate): string {
  return `${candidate.offer.platform}/${candidate.offer.offerId}`;
}
