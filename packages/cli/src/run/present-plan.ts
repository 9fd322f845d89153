import type { PastPlan, PlanOptions, PlanResult } from "@gpujob/sdk";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../definition.ts";
import type { PlanViewOptions } from "../render/plan.ts";
import { renderPastPlan, renderPlan } from "../render/plan.ts";

/** What a command that only plans has to say; it fails as `submit` would where nothing fits. */
export function presentPlan(plan: PlanResult, options: PlanViewOptions = {}): Outcome<PlanResult> {
  return {
    data: plan,
    lines: (view) => renderPlan(plan, view, options),
    ...(plan.noOffer === undefined ? {} : { failure: plan.noOffer }),
  };
}

/** A table counts what does not fit; each offer by name stands in the JSON, each with all its reasons in the explanation. */
export function rejectionsFor(
  { isJson }: CommandContext,
  isExplained: boolean,
): NonNullable<PlanOptions["rejections"]> {
  return isJson || isExplained ? "each" : "grouped";
}

/** What a run decided. */
export function presentPastPlan(plan: PastPlan, options: PlanViewOptions): Outcome<PastPlan> {
  return { data: plan, lines: (view) => renderPastPlan(plan, view, options) };
}
