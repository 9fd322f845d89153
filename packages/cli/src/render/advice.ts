import { formatMoney } from "@gpujob/spec";
import type { TermReport } from "@gpujob/sdk";
import { paint } from "./style.ts";
import type { Column } from "./table.ts";
import { renderTable } from "./table.ts";
import { wrap } from "./text.ts";
import type { View } from "./view.ts";

type Advice = TermReport["advice"][number];
type Comparison = Advice["terms"][number];

interface Row {
  readonly advice: Advice;
  /** Absent: by the hour, as it was. */
  readonly term?: Comparison;
}

const columns: readonly Column<Row>[] = [
  { header: "PLATFORM", value: ({ advice, term }) => (term === undefined ? advice.platform : "") },
  { header: "GPU", value: ({ advice, term }) => (term === undefined ? nameOf(advice) : "") },
  {
    header: "USED",
    value: ({ advice, term }) => (term === undefined ? sayHours(advice.hours) : ""),
    align: "right",
  },
  { header: "TERM", value: ({ term }) => term?.per ?? "hour" },
  {
    header: "PRICE",
    value: ({ advice, term }) => formatMoney(term?.price ?? advice.perHour),
    align: "right",
  },
  {
    header: "PAYS FROM",
    value: ({ term }) => (term === undefined ? "" : sayBreakEven(term)),
    align: "right",
    dropOrder: 1,
  },
  {
    header: "WOULD COST",
    value: ({ advice, term }) => formatMoney((term ?? advice).cost),
    align: "right",
  },
  { header: "SOURCE", value: ({ term }) => term?.source ?? "ledger", dropOrder: 2, shrinkTo: 12 },
];

/** The user's own use by the hour against longer terms, with where the break-even lies. */
export function renderAdvice({ from, to, advice }: TermReport, view: View): readonly string[] {
  const period = `${from.slice(0, 10)} to ${to.slice(0, 10)}`;
  if (advice.length === 0) return [`No machine with a card was in use from ${period}.`];
  const rows = advice.flatMap((each) => [
    { advice: each },
    ...each.terms.map((term) => ({ advice: each, term })),
  ]);
  const notes = [
    ...advice.flatMap(adviseOne),
    "Nothing is bought: a term is paid whether it is used or not.",
  ];
  return [
    ...wrap(
      `Use from ${period}, by the hour as it was paid, and by terms where they would have paid:`,
      view.columns,
    ),
    ...renderTable(columns, rows, view),
    "",
    ...notes
      .flatMap((line) => wrap(line, view.columns, "  "))
      .map((line) => paint(line, "dim", view)),
  ];
}

function adviseOne(advice: Advice): readonly string[] {
  const name = `${advice.platform} ${nameOf(advice)}`;
  const { terms, best } = advice;
  if (terms.length === 0)
    return [
      `${name}: no price of a day, week or month is known. Add what its console shows: platforms.${advice.platform}.account.terms: [{ gpu: ${advice.model}${advice.count === 1 ? "" : `, count: ${advice.count}`}, per: month, price: 1000 CNY }].`,
    ];
  const atOnce = advice.mostAtOnce > 1 ? `, ${advice.mostAtOnce} machines at once at most` : "";
  const found = terms.find(({ per, worth }) => per === best && worth > 0);
  if (found === undefined)
    return [
      `${name}: by the hour is cheapest for ${sayHours(advice.hours)} of use${atOnce}. ${sayNearest(terms)}`,
    ];
  const { currency, micros } = advice.cost;
  const saved = formatMoney({ currency, micros: micros - found.cost.micros });
  const bought = found.worth === 1 ? `one ${found.per}` : `${found.worth} ${found.per}s`;
  return [
    `${name}: ${bought} at ${formatMoney(found.price)} would have saved ${saved}${atOnce}; a ${found.per} pays ${sayBreakEven(found)} of use.`,
  ];
}

/** How far the use is from paying. */
function sayNearest(terms: readonly Comparison[]): string {
  const parts = terms.map((term) =>
    term.breakEvenHours === null
      ? `a ${term.per} at ${formatMoney(term.price)} never pays`
      : `a ${term.per} pays ${sayBreakEven(term)} of use`,
  );
  const text = parts.join(", ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function nameOf({ model, count }: Advice): string {
  return count === 1 ? model : `${count}x ${model}`;
}

const hoursPer = { day: 24, week: 168, month: 720 } as const;

function sayBreakEven({ per, breakEvenHours }: Comparison): string {
  if (breakEvenHours === null) return "never";
  const part = Math.round((breakEvenHours / hoursPer[per]) * 100);
  return `from ${sayHours(breakEvenHours)} (${part} %)`;
}

function sayHours(hours: number): string {
  return hours < 10 ? `${Math.round(hours * 10) / 10} h` : `${Math.round(hours)} h`;
}
