import { convertMoney } from "@gpujob/catalog";
import { billCompute } from "@gpujob/scheduler";
import type { Money, Offer } from "@gpujob/spec";
import { formatDuration } from "@gpujob/spec";
import type { Candidate, Submission } from "./context.ts";
import type { Draft } from "./draft.ts";
import { findAttempt } from "./draft.ts";
import { budgetLeftMicros, probeAllowanceMs } from "./limits.ts";

/** So long two machines are paid until one of them is ready, as a rule. */
const extraSeconds = 300;
/** A second machine may cost this part of what the whole attempt is expected to. */
const mostShare = 0.25;
/** Where time is sold in longer pieces, the machine that is given back costs far more than it was of use. */
const longestUnitSeconds = 600;

/** What a second machine is judged by. */
export type ExtraTerms = Pick<Submission, "job" | "currency" | "rates" | "timeouts"> & {
  /** What the budget leaves, in micros of the run's currency; absent: there is none. */
  readonly leftMicros?: number;
};

/**
 * Is a second machine beside a slow one cheap enough, by its billing unit and minimum? Where time is sold by the hour or
 * by the day, waiting for the first one is the better deal.
 */
export function isCheapExtra(draft: Draft, candidate: Candidate): boolean {
  const { context } = draft;
  const attempt = findAttempt(context, context.current);
  if (attempt === undefined) return false;
  return isCheapBeside(termsOf(draft), attempt.candidate, candidate);
}

/** What holds for a run at this moment. */
export function termsOf(draft: Draft): ExtraTerms {
  const { job, currency, rates, timeouts } = draft.submission;
  const leftMicros = budgetLeftMicros(draft);
  const left = leftMicros === undefined ? {} : { leftMicros };
  return { job, currency, rates, timeouts, ...left };
}

function isCheapBeside(terms: ExtraTerms, first: Candidate, { offer }: Candidate): boolean {
  const extra = billMicros(terms, offer, extraSeconds);
  if (terms.leftMicros !== undefined && extra > terms.leftMicros * mostShare) return false;
  return extra <= first.totalPrice.micros * mostShare;
}

/** What all nodes of an offer cost for so long. */
function billMicros(
  { job, currency, rates }: ExtraTerms,
  { price }: Offer,
  seconds: number,
): number {
  const each = billCompute(price, seconds);
  return convertMoney(each, currency, rates).micros * job.resources.nodes;
}

/** A second offer to ask beside the first (`hedge: 2`), and what the one that is given back can cost; or why there is none. */
export type Hedge =
  | { readonly kind: "pair"; readonly partner: Candidate; readonly atMost: Money }
  | { readonly kind: "none"; readonly reason: string };

/**
 * Chooses the offer that is asked at the same time as the first. Either may be the one that is given back, so neither may
 * be sold in long pieces; and either may do the job, so the second may not be much dearer. Another platform is preferred:
 * it has its own troubles. `others` are those that are not excluded or in use, by rank.
 */
export function chooseHedge(
  terms: ExtraTerms,
  first: Candidate,
  others: readonly Candidate[],
): Hedge {
  const own = whyNot(terms, first, first);
  if (own !== undefined) return { kind: "none", reason: own };
  const reasons = others.map((each) => whyNot(terms, first, each));
  const fitting = others.filter((_, index) => reasons[index] === undefined);
  const partner =
    fitting.find(({ offer }) => offer.platform !== first.offer.platform) ?? fitting[0];
  if (partner === undefined) return { kind: "none", reason: reasons[0] ?? "no other offer fits" };
  const { job, timeouts } = terms;
  const seconds = (timeouts.bootMs + probeAllowanceMs(job) + timeouts.releaseMs) / 1000;
  const most = [first, partner].map(({ offer }) => billMicros(terms, offer, seconds));
  return {
    kind: "pair",
    partner,
    atMost: { currency: terms.currency, micros: Math.max(...most) },
  };
}

function whyNot(terms: ExtraTerms, first: Candidate, candidate: Candidate): string | undefined {
  const { offer, capabilities, totalPrice } = candidate;
  const name = `${offer.platform} ${offer.offerId}`;
  const { unitSeconds, minimumSeconds } = offer.price.billing;
  const piece = Math.max(unitSeconds, minimumSeconds);
  if (capabilities.release !== "api") return `${name} is no machine that can be given back at once`;
  if (piece > longestUnitSeconds)
    return `${name} is sold in pieces of ${formatDuration(piece * 1000)}, which would be paid in vain`;
  if (totalPrice.micros > first.totalPrice.micros * (1 + mostShare))
    return `${name} costs more than a quarter above the first`;
  if (!isCheapBeside(terms, first, candidate))
    return `${name} would cost more than a quarter of the job, or of the budget, in vain`;
  return undefined;
}
