import type { LedgerLine, RunView } from "@gpujob/spec";
import type { CostGroup } from "./render/cost.ts";

/**
 * Ledger lines summed by run, platform, day (UTC, by the start of the line) or label. A run with several labels counts
 * in each group, one without in `none`. Amounts of different currencies stay apart.
 */
export function groupCost(
  lines: readonly LedgerLine[],
  by: "run" | "platform" | "day" | "label",
  runs: readonly RunView[],
): readonly CostGroup[] {
  const labels = new Map(runs.map((run) => [run.id, Object.entries(run.labels)]));
  const names = {
    run: (line: LedgerLine) => [line.runId],
    platform: (line: LedgerLine) => [line.platform],
    day: (line: LedgerLine) => [line.from.slice(0, 10)],
    label: (line: LedgerLine) => {
      const own = labels.get(line.runId) ?? [];
      return own.length === 0 ? ["none"] : own.map(([key, value]) => `${key}=${value}`);
    },
  } as const;
  const groups = new Map<string, CostGroup>();
  for (const line of lines) {
    for (const name of names[by](line)) {
      const key = `${name}\n${line.amount.currency}`;
      const group = groups.get(key);
      groups.set(key, {
        name,
        lines: (group?.lines ?? 0) + 1,
        billedSeconds: (group?.billedSeconds ?? 0) + line.billedSeconds,
        amount: {
          currency: line.amount.currency,
          micros: (group?.amount.micros ?? 0) + line.amount.micros,
        },
      });
    }
  }
  const all = [...groups.values()];
  return by === "day"
    ? all.toSorted((left, right) => left.name.localeCompare(right.name))
    : all.toSorted((left, right) => right.amount.micros - left.amount.micros);
}
