import type { PlanMissing, PlanRejection } from "@gpujob/spec";
import { paint } from "./style.ts";
import { tame, wrap } from "./text.ts";
import type { View } from "./view.ts";

/** Why the others do not fit: offers of one platform with the same reasons share a line. */
export function formatRejected(
  rejected: readonly PlanRejection[],
  view: View,
  isFull: boolean,
): readonly string[] {
  const groups = new Map<string, { readonly first: PlanRejection; count: number }>();
  for (const entry of rejected) {
    const key = JSON.stringify([entry.platform, entry.reasons]);
    const group = groups.get(key);
    const { count = 1 } = entry;
    if (group) group.count += count;
    else groups.set(key, { first: entry, count });
  }
  const all = [...groups.values()].toSorted((left, right) => right.count - left.count);
  const shown = isFull ? all : all.slice(0, 5);
  const hidden = all.length - shown.length;
  return [
    ...shown.flatMap(({ first, count }) => {
      const what = count === 1 ? first.offerId : `${count} offers`;
      const text = `Not ${first.platform} ${what}: ${first.reasons.join("; ")}`;
      return wrap(tame(text), view.columns, "  ").map((line) => paint(line, "dim", view));
    }),
    ...(hidden > 0
      ? [paint(`… and ${hidden} more reasons why not; --explain shows them.`, "dim", view)]
      : []),
  ];
}

/** Platforms that gave no offers, which may hide a better offer. */
export function formatMissing(missing: readonly PlanMissing[], view: View): readonly string[] {
  return missing.flatMap(({ platform, reason, failure }) => {
    const hint = failure?.hint === undefined ? "" : ` ${tame(failure.hint)}`;
    const text = `Missing ${platform}: ${tame(reason)}${hint}`;
    return wrap(text, view.columns, "  ").map((line) => paint(line, "warn", view));
  });
}
