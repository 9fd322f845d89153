import { formatMoney } from "@gpujob/spec";
import type { Money, PlanCandidate } from "@gpujob/spec";

/** The parts of a total price as one sum; what is not known stands in it by its name. */
export function sayPriceSplit({ breakdown, totalPrice }: PlanCandidate): string {
  const rate = breakdown.ownRate === undefined ? "" : ` (${breakdown.ownRate})`;
  const parts: readonly (readonly [string, Money | null])[] = [
    ["compute", breakdown.compute],
    ["boot", breakdown.boot],
    ["image pull", breakdown.imagePull],
    ["upload", breakdown.upload],
    ...(breakdown.data === undefined ? [] : [["data", breakdown.data] as const]),
    ["download", breakdown.download],
    ["keep", breakdown.keep],
    ["expected rework", breakdown.expectedRework],
    ["rounding up", breakdown.minimum],
    [`discount${rate}`, breakdown.discount],
    ["surcharges", breakdown.surcharges],
    ["disk", breakdown.disk],
    ["public IP", breakdown.publicIp],
    ["egress", breakdown.egress],
    ["tax", breakdown.tax],
  ];
  const terms = parts.flatMap(([name, amount], index) => {
    if (amount === null) return [`+ ${name} unknown`];
    if (amount.micros === 0 && index > 0) return [];
    const size = formatMoney({ ...amount, micros: Math.abs(amount.micros) });
    return [`${amount.micros < 0 ? "-" : "+"} ${name} ${size}`];
  });
  const isOpen = parts.some(([, amount]) => amount === null);
  const sum = terms.join(" ").replace(/^\+ /, "");
  return `${sum} = ${isOpen ? "at least " : ""}${formatMoney(totalPrice)}`;
}

/** Who pays what of a bill where coupons or prepaid hours pay a part; empty where the user pays all of it. */
export function sayPayment(payment: PlanCandidate["toPay"]): readonly string[] {
  if (payment === undefined) return [];
  const { amount, prepaidHours, coupons } = payment;
  const off = [...sayOff(prepaidHours, "prepaid hours pay"), ...sayOff(coupons, "coupons pay")];
  return off.length === 0 ? [] : [`Of it ${off.join(" and ")}: ${formatMoney(amount)} to pay.`];
}

function sayOff({ currency, micros }: Money, what: string): readonly string[] {
  return micros === 0 ? [] : [`${what} ${formatMoney({ currency, micros: -micros })}`];
}
