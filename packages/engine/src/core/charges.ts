import { convertMoney, scaleMoney } from "@gpujob/catalog";
import { billAmount, billSeconds } from "@gpujob/scheduler";
import type { Money } from "@gpujob/spec";
import type { Attempt, Member, Submission } from "./context.ts";

/** What one lease costs for one thing, in the run's currency. */
export interface MemberCharge {
  readonly kind: "compute" | "disk";
  readonly billedSeconds: number;
  readonly amount: Money;
}

/**
 * What one member costs from the start of its bill until `until` (epoch milliseconds): compute by the platform's rule,
 * disk above what the offer includes by the second. By price, rule and rates locked for it; empty before it bills.
 */
export function chargesOf(
  submission: Submission,
  attempt: Attempt,
  member: Member,
  until: number,
): readonly MemberCharge[] {
  if (member.billedFrom === undefined) return [];
  const { offer, capabilities } = attempt.candidate;
  // Its user pays a machine that was rented by hand from unit to unit: this one is still on the run before.
  if (capabilities.release === "by-hand" && until < member.billedFrom) return [];
  const { price } = offer;
  const seconds = Math.max(0, until - member.billedFrom) / 1000;
  const inRun = (money: Money): Money => convertMoney(money, submission.currency, submission.rates);
  const perHour = member.pricePerHour ?? price.perHour;
  const compute: MemberCharge = {
    kind: "compute",
    billedSeconds: billSeconds(price.billing, seconds),
    amount: inRun(billAmount(perHour, price.billing, seconds, price.discount)),
  };
  const extraGib = Math.max(
    0,
    (submission.job.resources.diskGib?.min ?? 0) - (offer.includedDiskGib ?? 0),
  );
  if (price.diskPerGibHour === undefined || extraGib === 0) return [compute];
  const billedSeconds = Math.ceil(seconds);
  const disk = scaleMoney(price.diskPerGibHour, { times: [extraGib, billedSeconds], over: [3600] });
  return [compute, { kind: "disk", billedSeconds, amount: inRun(disk) }];
}
