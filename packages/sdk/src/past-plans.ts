import type { RunEvent as JournalEvent, Submission } from "@gpujob/engine";
import { readStored } from "@gpujob/engine";
import { priceOffer } from "@gpujob/scheduler";
import type { PlanCandidate, PlanRejection } from "@gpujob/spec";
import type { RunRow, Store } from "@gpujob/store";
import type { PastDecision, PastPlan } from "./gpujob.ts";
import { submissionOf } from "./runs.ts";

/** Every decision of a run, with the offers and prices that stand in its journal; nothing is asked anew. */
export async function readPastPlan(store: Store, row: RunRow): Promise<PastPlan> {
  const submission = submissionOf(row);
  const events = await store.listEvents(row.runId);
  const decisions = events.flatMap(({ at, data }) => {
    const event = readStored<JournalEvent>(data);
    return event.type === "plan-made" ? [toDecision(event, at, submission)] : [];
  });
  const { currency, rates } = submission;
  const [first] = decisions;
  return {
    runId: row.runId,
    name: submission.job.name,
    currency,
    exchangeRates: rates,
    candidates: first?.candidates ?? [],
    rejected: first?.rejected ?? [],
    missing: first?.missing ?? [],
    decisions,
  };
}

function toDecision(
  event: JournalEvent & { readonly type: "plan-made" },
  at: number,
  submission: Submission,
): PastDecision {
  const priced = event.candidates.map((candidate, index) =>
    toCandidate(candidate, index, submission),
  );
  return {
    decidedAt: new Date(at).toISOString(),
    candidates: priced.map(({ candidate }) => candidate),
    rejected: event.rejected ?? [],
    missing: event.missing,
    warnings: priced.flatMap(({ warning }) => warning ?? []).slice(0, 1),
  };
}

function toCandidate(
  {
    offer,
    pricePerHour,
    totalPrice,
    reason,
  }: (JournalEvent & {
    readonly type: "plan-made";
  })["candidates"][number],
  index: number,
  { job, currency, rates, uploadBytes }: Submission,
): { readonly candidate: PlanCandidate; readonly warning?: string } {
  // The journal has the sum; its parts follow from the offer, by the same pure function.
  const { breakdown, totalPrice: counted } = priceOffer(job, offer, {
    rates,
    currency,
    ...(uploadBytes === 0 ? {} : { uploadBytes }),
  });
  const candidate: PlanCandidate = {
    rank: index + 1,
    offerId: offer.offerId,
    platform: offer.platform,
    region: offer.region,
    ...(offer.zone === undefined ? {} : { zone: offer.zone }),
    instanceType: offer.instanceType,
    ...(offer.gpu === undefined ? {} : { gpu: offer.gpu }),
    market: offer.market,
    pricePerHour,
    totalPrice,
    breakdown,
    availability: String(offer.availability),
    observedAt: offer.observedAt,
    reason,
  };
  if (counted.micros === totalPrice.micros) return { candidate };
  const warning =
    "This gpujob splits the price in another way than the one that decided: the totals are those of then.";
  return { candidate, warning };
}

/** Rows of what did not fit that a journal keeps. */
const mostKept = 20;

/** What the journal keeps of the offers that did not fit: those that miss alike together, the most first. */
export function mostRejected(rejected: readonly PlanRejection[]): readonly PlanRejection[] {
  const groups = new Map<string, PlanRejection & { readonly count: number }>();
  for (const each of rejected) {
    const key = JSON.stringify([each.platform, each.reasons]);
    const before = groups.get(key);
    const count = (before?.count ?? 0) + (each.count ?? 1);
    groups.set(key, { ...(before ?? each), count });
  }
  return [...groups.values()].toSorted((a, b) => b.count - a.count).slice(0, mostKept);
}
