import { formatMoney } from "@gpujob/spec";
import type { LedgerLine, Money } from "@gpujob/spec";
import type { CostReport } from "@gpujob/sdk";
import { sayPayment } from "./price-split.ts";
import { renderTable } from "./table.ts";
import { tame, wrap } from "./text.ts";
import { formatSeconds } from "./units.ts";
import type { View } from "./view.ts";

/** The money of one group of `cost --by`. */
export interface CostGroup {
  readonly name: string;
  readonly lines: number;
  readonly billedSeconds: number;
  readonly amount: Money;
}

/** The table of `cost`, with the total last. */
export function renderCost(report: CostReport, view: View): readonly string[] {
  if (report.lines.length === 0) return ["Nothing was charged."];
  return [
    ...renderTable<LedgerLine>(
      [
        { header: "RUN", value: ({ runId }) => runId },
        {
          header: "ATTEMPT",
          value: ({ attempt }) => String(attempt),
          align: "right",
          dropOrder: 3,
        },
        { header: "PLATFORM", value: ({ platform }) => platform, shrinkTo: 8 },
        { header: "LEASE", value: ({ leaseId }) => leaseId, dropOrder: 2 },
        { header: "KIND", value: ({ kind }) => kind, dropOrder: 4 },
        { header: "FROM", value: ({ from }) => minute(from), dropOrder: 1 },
        {
          header: "BILLED",
          value: (line) => formatSeconds(line.billedSeconds * 1000),
          align: "right",
        },
        { header: "AMOUNT", value: ({ amount }) => formatMoney(amount), align: "right" },
      ],
      report.lines,
      view,
    ),
    `Total ${formatMoney(report.total)}`,
    ...sayPayment(report.toPay).flatMap((line) => wrap(line, view.columns, "  ")),
    ...sayDifferences(report).flatMap((line) => wrap(line, view.columns, "  ")),
    ...report.lines.flatMap(({ runId, attempt, amount, note }) =>
      note === undefined ? [] : [`${runId}, attempt ${attempt}: ${formatMoney(amount)}, ${note}.`],
    ),
  ];
}

function sayDifferences({ differences = [] }: CostReport): readonly string[] {
  return differences.map(({ runId, platform, leaseId, billed, counted }) => {
    const sums = `billed by the platform: ${formatMoney(billed)}, counted here: ${formatMoney(counted)}.`;
    return tame(`${runId}, ${leaseId} on ${platform}: ${sums}`);
  });
}

/** The table of `cost --by`. */
export function renderCostGroups(
  groups: readonly CostGroup[],
  total: Money,
  view: View,
): readonly string[] {
  if (groups.length === 0) return ["Nothing was charged."];
  return [
    ...renderTable<CostGroup>(
      [
        { header: "GROUP", value: ({ name }) => name },
        {
          header: "BILLED",
          value: (group) => formatSeconds(group.billedSeconds * 1000),
          align: "right",
        },
        { header: "AMOUNT", value: ({ amount }) => formatMoney(amount), align: "right" },
      ],
      groups,
      view,
    ),
    `Total ${formatMoney(total)}`,
  ];
}

/** The ledger as comma-separated values, amounts in whole units with six decimals. */
export function renderCostCsv(report: CostReport): readonly string[] {
  const header = "run,attempt,platform,lease,kind,from,to,billed_seconds,amount,currency";
  const rows = report.lines.map((line) =>
    [
      line.runId,
      String(line.attempt),
      line.platform,
      line.leaseId,
      line.kind,
      line.from,
      line.to,
      String(line.billedSeconds),
      (line.amount.micros / 1e6).toFixed(6),
      line.amount.currency,
    ]
      .map(csvField)
      .join(","),
  );
  return [header, ...rows];
}

function csvField(text: string): string {
  // A leading sign or `=` would be run as a formula by a spreadsheet.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function minute(at: string): string {
  return at.slice(0, 16).replace("T", " ");
}
