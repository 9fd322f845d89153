import { formatBytes, formatMoney } from "@gpujob/spec";
import type { Plan, PlanCandidate } from "@gpujob/spec";
import type { PastPlan, PlanResult } from "@gpujob/sdk";
import { gpuLabel } from "./gpu.ts";
import { renderModel } from "./model.ts";
import { formatMissing, formatRejected } from "./plan-notes.ts";
import { explainStanding } from "./standing.ts";
import { sayPayment, sayPriceSplit } from "./price-split.ts";
import { paint } from "./style.ts";
import type { Column } from "./table.ts";
import { renderTable } from "./table.ts";
import { tame, wrap } from "./text.ts";
import { formatAge, formatSeen } from "./units.ts";
import type { View } from "./view.ts";

/** How much of a plan is shown. */
export interface PlanViewOptions {
  /** The price split and the reason of every row. */
  readonly isExplained?: boolean;
  /** Rows shown. @default 10 */
  readonly limit?: number;
}

const columns: readonly Column<PlanCandidate>[] = [
  { header: "#", value: ({ rank }) => String(rank), align: "right" },
  { header: "PLATFORM", value: ({ platform }) => platform, shrinkTo: 8 },
  { header: "OFFER", value: ({ offerId }) => offerId },
  { header: "GPU", value: ({ gpu }) => gpuLabel(gpu), dropOrder: 1 },
  {
    header: "POINTS",
    value: ({ score }) => score?.points.toFixed(1) ?? "",
    align: "right",
    dropOrder: 3,
  },
  {
    header: "ROOM",
    value: ({ model }) => (model === undefined ? "" : `${model.headroomGib.toFixed(1)} GiB`),
    align: "right",
    dropOrder: 7,
  },
  { header: "REGION", value: ({ region }) => region, shrinkTo: 8, dropOrder: 4 },
  { header: "MARKET", value: ({ market }) => market, dropOrder: 5 },
  {
    header: "PER HOUR",
    value: (row) => formatMoney(row.pricePerHour),
    align: "right",
    dropOrder: 2,
  },
  { header: "TOTAL", value: (row) => formatMoney(row.totalPrice), align: "right" },
  { header: "STOCK", value: ({ availability }) => availability, dropOrder: 6 },
];

/** Only where coupons or prepaid hours of an account pay a part. */
const toPay: Column<PlanCandidate> = {
  header: "TO PAY",
  value: (row) => formatMoney(row.toPay?.amount ?? row.totalPrice),
  align: "right",
};

/** The decision table: what fits in order, why, what does not fit, what was not asked, and all that was assumed. */
export function renderPlan(
  plan: PlanResult,
  view: View,
  options: PlanViewOptions = {},
): readonly string[] {
  return [
    ...renderDecision(plan, view, options),
    ...wrap(plan.noOffer?.hint ?? "", view.columns, "  ").filter((line) => line !== ""),
    ...renderAssumptions(plan, view),
  ];
}

/** The decisions of a run, each with its time; ages are those of then. */
export function renderPastPlan(
  { decisions, runId, exchangeRates, currency }: PastPlan,
  view: View,
  options: PlanViewOptions = {},
): readonly string[] {
  if (decisions.length === 0) return [`Run ${runId} has decided nothing yet.`];
  return decisions.flatMap(({ decidedAt, warnings, ...decision }, index) => [
    ...(index === 0 ? [] : [""]),
    `Decision ${index + 1} of ${decisions.length} of run ${runId}, ${decidedAt} (${formatAge(decidedAt, view.now)}), with the prices seen then:`,
    ...renderDecision(
      { ...decision, exchangeRates, currency },
      { ...view, now: Date.parse(decidedAt) },
      options,
    ),
    ...warnings.flatMap((line) => wrap(line, view.columns, "  ")),
  ]);
}

function renderDecision(plan: Plan, view: View, options: PlanViewOptions): readonly string[] {
  const limit = options.limit ?? 10;
  const shown = plan.candidates.slice(0, limit);
  const age: Column<PlanCandidate> = {
    header: "SEEN",
    value: ({ observedAt, isStale }) =>
      formatSeen(view.now - Date.parse(observedAt), isStale === true),
    align: "right",
    dropOrder: 3,
  };
  const hidden = plan.candidates.length - shown.length;
  const paid = shown.some((row) => row.toPay !== undefined) ? [toPay] : [];
  return [
    ...(shown.length > 0
      ? renderTable([...columns.toSpliced(-1, 0, ...paid), age], shown, view)
      : ["No offer fits."]),
    ...(hidden > 0 ? [paint(`… and ${hidden} more that fit.`, "dim", view)] : []),
    "",
    ...explain(shown, view, options.isExplained === true),
    ...sayUnknown(sharedUnknowns(shown), view),
    ...renderModel(plan.model, plan.candidates[0], view, options.isExplained === true),
    ...formatRejected(plan.rejected, view, options.isExplained === true),
    ...formatMissing(plan.missing, view),
  ];
}

function explain(rows: readonly PlanCandidate[], view: View, isFull: boolean): readonly string[] {
  const shared = new Set(sharedUnknowns(rows));
  const own = ({ breakdown }: PlanCandidate): string => {
    const unknown = breakdown.unknown.filter((each) => !shared.has(each));
    return unknown.length === 0 ? "" : ` Not known here: ${unknown.join(", ")}.`;
  };
  if (!isFull) {
    return rows
      .slice(0, 3)
      .flatMap((row) => wrap(`#${row.rank}: ${tame(row.reason)}${own(row)}`, view.columns, "  "));
  }
  return rows.flatMap((row) => [
    ...wrap(
      `#${row.rank} ${row.platform} ${row.offerId}: ${tame(row.reason)}${own(row)}`,
      view.columns,
      "  ",
    ),
    ...[sayPriceSplit(row), ...sayPayment(row.toPay)].flatMap((line) =>
      wrap(`  ${line}`, view.columns, "    "),
    ),
    ...explainStanding(row, view),
  ]);
}

/** What is known of none of the prices; said once. */
function sharedUnknowns(rows: readonly PlanCandidate[]): readonly string[] {
  const [first, ...others] = rows;
  if (first === undefined) return [];
  return first.breakdown.unknown.filter((each) =>
    others.every(({ breakdown }) => breakdown.unknown.includes(each)),
  );
}

function sayUnknown(unknown: readonly string[], view: View): readonly string[] {
  if (unknown.length === 0) return [];
  return wrap(`Not known: ${unknown.join(", ")}.`, view.columns, "  ");
}

function sayEnvironment({ environment, candidates }: PlanResult): readonly string[] {
  if (environment === undefined) return [];
  const set = Object.entries(environment).map(([name, value]) => tame(`${name}=${value}`));
  const where = candidates[0]?.platform ?? "the machine";
  return [`Sets on ${where}: ${set.join(" ")} (mirrors: none leaves it out).`];
}

function renderAssumptions(plan: PlanResult, view: View): readonly string[] {
  const { files, bytes, ignoredLarge } = plan.upload;
  const foreign = plan.candidates.flatMap(({ pricedIn }) => pricedIn ?? []);
  const used = new Set(foreign.length === 0 ? [] : [...foreign, plan.currency]);
  const rates = plan.exchangeRates
    .filter(({ currency }) => used.has(currency))
    .map(
      (rate) =>
        `Rate: 1 ${rate.currency} = ${rate.cnyPerUnit} CNY (${rate.observedAt.slice(0, 10)}, ${rate.source})`,
    );
  const lines = [
    files === 0
      ? "Sends no files."
      : `Sends ${files} ${files === 1 ? "file" : "files"}, ${formatBytes(bytes)}.`,
    ...ignoredLarge.map(
      (file) => `Not sent, because it is ignored: ${tame(file.path)} (${formatBytes(file.bytes)})`,
    ),
    `With: ${plan.job.terms.join(", ")}.`,
    ...rates,
    ...sayEnvironment(plan),
    ...(plan.notes ?? []),
    ...(plan.worstCase === "" ? [] : [plan.worstCase]),
  ];
  return [
    ...lines.flatMap((line) => wrap(line, view.columns, "  ")),
    ...plan.warnings.flatMap((line) =>
      wrap(`Warning: ${tame(line)}`, view.columns, "  ").map((part) => paint(part, "warn", view)),
    ),
  ];
}
