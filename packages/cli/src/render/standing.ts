import { formatMoney } from "@gpujob/spec";
import type { PlanCandidate } from "@gpujob/spec";
import { tame, wrap } from "./text.ts";
import type { View } from "./view.ts";

/** What put an offer at its rank beside its price: the points of its profile, and what own leases told. */
export function explainStanding(
  { score, experience, moves = [] }: PlanCandidate,
  view: View,
): readonly string[] {
  const parts = score?.parts.map(({ dimension, weight, share, why }) => {
    const points = (weight * share).toFixed(1);
    return `${dimension} ${points} of ${weight} (${tame(why)})`;
  });
  const lines = [
    ...(moves.length === 0 ? [] : [`Data: ${tame(moves.map(({ why }) => why).join("; "))}`]),
    ...(score === undefined || parts === undefined
      ? []
      : [`${parts.join(" + ")} = ${score.points.toFixed(1)} points`]),
    ...(experience === undefined ? [] : [`Learnt here: ${tame(experience.seen.join(", "))}`]),
    ...(experience?.countsAs === undefined
      ? []
      : [`Counts as ${formatMoney(experience.countsAs)} in the order, for what was learnt`]),
  ];
  return lines.flatMap((line) => wrap(`  ${line}`, view.columns, "    "));
}
