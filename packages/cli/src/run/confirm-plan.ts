import { formatMoney } from "@gpujob/spec";
import type { PlanResult } from "@gpujob/sdk";
import type { CommandContext } from "../context.ts";
import { renderPlan } from "../render/plan.ts";

/** Shows what would be rented and for how much, and asks unless `isAgreed`. `on`: the run whose kept machine is used. */
export function confirmPlan(
  isAgreed: boolean,
  context: CommandContext,
  on?: string,
): (plan: PlanResult) => Promise<boolean> {
  return async (plan) => {
    const view = context.view(context.err);
    await context.screen.say(renderPlan(plan, view, { limit: 5 }));
    const first = plan.candidates[0];
    if (on !== undefined) {
      await context.say(
        `Uses the kept machine of ${on}; the offers are for when it is gone by then.`,
      );
      return isAgreed || context.prompts.confirm("Use it?", { isYes: true });
    }
    if (isAgreed || !first) return true;
    const price = `${formatMoney(first.pricePerHour)}/h, about ${formatMoney(first.totalPrice)} in all`;
    return context.prompts.confirm(`Rent ${first.platform} ${first.offerId} for ${price}?`, {
      isYes: true,
    });
  };
}
