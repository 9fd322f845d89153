import { convertMoney } from "@gpujob/catalog";
import { billAmount } from "@gpujob/scheduler";
import type { Candidate } from "./context.ts";
import type { Draft } from "./draft.ts";
import { findAttempt } from "./draft.ts";
import { budgetLeftMicros } from "./limits.ts";

/** So long two machines are paid until one of them is ready, as a rule. */
const extraSeconds = 300;
/** A second machine may cost this part of what the whole attempt is expected to. */
const mostShare = 0.25;

/**
 * Is a second machine beside a slow one cheap enough, by its billing unit and minimum? Where time is sold by the hour or
 * by the day, waiting for the first one is the better deal.
 */
export function isCheapExtra(draft: Draft, { offer }: Candidate): boolean {
  const { context, submission } = draft;
  const attempt = findAttempt(context, context.current);
  if (attempt === undefined) return false;
  const { perHour, billing, discount } = offer.price;
  const each = billAmount(perHour, billing, extraSeconds, discount);
  const one = convertMoney(each, submission.currency, submission.rates).micros;
  const extra = one * submission.job.resources.nodes;
  const leftMicros = budgetLeftMicros(draft);
  if (leftMicros !== undefined && extra > leftMicros * mostShare) return false;
  return extra <= attempt.candidate.totalPrice.micros * mostShare;
}
