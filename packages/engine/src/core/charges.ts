import { convertMoney } from "@gpujob/catalog";
import { chargeLease, extraDiskGib } from "@gpujob/scheduler";
import type { LeaseCharge, LeaseUse } from "@gpujob/scheduler";
import type { Money } from "@gpujob/spec";
import type { Attempt, Member, Submission } from "./context.ts";

/**
 * What one member costs from the start of its bill until `until` (epoch milliseconds), in the run's currency: by the
 * rules of the estimate, with price, rule and rates locked for it; empty before it bills.
 */
export function chargesOf(
  submission: Submission,
  attempt: Attempt,
  member: Member,
  until: number,
): readonly LeaseCharge[] {
  if (member.billedFrom === undefined) return [];
  const { offer, capabilities } = attempt.candidate;
  // Its user pays a machine that was rented by hand from unit to unit: this one is still on the run before.
  if (capabilities.release === "by-hand" && until < member.billedFrom) return [];
  const seconds = Math.max(0, until - member.billedFrom) / 1000;
  const use = { ...useOf(submission, attempt, member), seconds };
  return chargeLease(offer.price, use, (money) => inRun(submission, money));
}

/** What one member is paid for beside its time. */
export function useOf(
  { job }: Submission,
  { candidate }: Attempt,
  { pricePerHour, homeBytes }: Member,
): Omit<LeaseUse, "seconds"> {
  return {
    extraDiskGib: extraDiskGib(job, candidate.offer),
    ...(pricePerHour === undefined ? {} : { statedPerHour: pricePerHour }),
    ...(homeBytes === undefined ? {} : { egressGib: homeBytes / 2 ** 30 }),
  };
}

/** The same money in the run's currency, by the rates locked into the run. */
export function inRun({ currency, rates }: Submission, money: Money): Money {
  return convertMoney(money, currency, rates);
}
