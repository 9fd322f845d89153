import { convertMoney } from "@gpujob/catalog";
import { termDays } from "@gpujob/spec";
import type { Currency, ExchangeRate, Money, TermLength } from "@gpujob/spec";

/** One machine that was in use, as the ledger has it. */
export interface MachineUse {
  readonly platform: string;
  /** The catalogue's model id. */
  readonly model: string;
  readonly count: number;
  /** Epoch milliseconds of its bill. */
  readonly from: number;
  readonly to: number;
  /** What its time cost, without disk and the like: that is what a term stands for. */
  readonly compute: Money;
}

/** What a whole day, week or month of a machine costs, and who says so. */
export interface TermOffer {
  readonly model: string;
  readonly count: number;
  readonly per: TermLength;
  readonly price: Money;
  /** Such as `platforms.autodl.account`, or the sheet and its date. */
  readonly source: string;
  /** Configured platform that it is of; absent: of a price sheet, and compared with the use of every platform. */
  readonly platform?: string;
}

/** One kind of term against the same use by the hour. */
export interface TermComparison {
  readonly per: TermLength;
  readonly price: Money;
  readonly source: string;
  /** Hours of use within one term from which it is cheaper; `null`: not even when it is used all the time. */
  readonly breakEvenHours: number | null;
  /** Terms that would have paid for themselves. */
  readonly worth: number;
  /** What the use would have cost with those, and the rest by the hour. */
  readonly cost: Money;
}

/** The use of one kind of machine on one platform, by the hour and by terms. */
export interface TermAdvice {
  readonly platform: string;
  readonly model: string;
  readonly count: number;
  readonly hours: number;
  /** Machines in use at the same time, at most. */
  readonly mostAtOnce: number;
  readonly perHour: Money;
  readonly cost: Money;
  /** Shortest term first; empty: no price of a term is known. */
  readonly terms: readonly TermComparison[];
  /** What would have been cheapest. */
  readonly best: "hour" | TermLength;
}

interface Context {
  readonly currency: Currency;
  readonly rates: readonly ExchangeRate[];
}

const hourMs = 3_600_000;

/**
 * Compares what was paid by the hour with the terms that are known for the same machines. A term is taken to be bought, in
 * hindsight, whenever a machine is needed and its use until the end of the term would cost more than the term. Several
 * machines at once need a term each. The largest sum first.
 */
export function adviseTerms(
  uses: readonly MachineUse[],
  offers: readonly TermOffer[],
  context: Context,
): readonly TermAdvice[] {
  const groups = Map.groupBy(
    uses.filter(({ from, to }) => to > from),
    ({ platform, model, count }) => `${platform}\n${model}\n${count}`,
  );
  return [...groups.values()]
    .flatMap((group) => adviseGroup(group, offers, context) ?? [])
    .toSorted((left, right) => right.cost.micros - left.cost.micros);
}

function adviseGroup(
  uses: readonly MachineUse[],
  offers: readonly TermOffer[],
  context: Context,
): TermAdvice | undefined {
  const [first] = uses;
  if (first === undefined) return undefined;
  const { platform, model, count } = first;
  const lanes = layOut(uses, context);
  const hours = uses.reduce((sum, { from, to }) => sum + (to - from) / hourMs, 0);
  const paid = lanes.flat().reduce((sum, { micros }) => sum + micros, 0);
  const money = (micros: number): Money => ({
    currency: context.currency,
    micros: Math.round(micros),
  });
  const terms = offers
    .filter((offer) => offer.model === model && (offer.platform ?? platform) === platform)
    .filter((offer) => offer.count === count)
    .map((offer) => compare(offer, lanes, paid / hours, context))
    .toSorted(
      (left, right) =>
        termDays[left.per] - termDays[right.per] || left.cost.micros - right.cost.micros,
    );
  const cheapest = terms
    .filter(({ worth }) => worth > 0)
    .toSorted((left, right) => left.cost.micros - right.cost.micros)[0];
  return {
    platform,
    model,
    count,
    hours,
    mostAtOnce: lanes.length,
    perHour: money(paid / hours),
    cost: money(paid),
    terms,
    best: cheapest === undefined || cheapest.cost.micros >= paid ? "hour" : cheapest.per,
  };
}

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly micros: number;
}

/** Machines that were never in use at the same time could have been one: as few as will do, the first used most. */
function layOut(uses: readonly MachineUse[], { currency, rates }: Context): readonly Stretch[][] {
  const lanes: Stretch[][] = [];
  for (const { from, to, compute } of uses.toSorted((left, right) => left.from - right.from)) {
    const free = lanes.find((lane) => (lane.at(-1)?.to ?? 0) <= from);
    const stretch = { from, to, micros: convertMoney(compute, currency, rates).micros };
    if (free === undefined) lanes.push([stretch]);
    else free.push(stretch);
  }
  return lanes;
}

function compare(
  { per, price, source }: TermOffer,
  lanes: readonly (readonly Stretch[])[],
  microsPerHour: number,
  { currency, rates }: Context,
): TermComparison {
  const inPlan = convertMoney(price, currency, rates);
  const lengthMs = termDays[per] * 24 * hourMs;
  let worth = 0;
  let micros = 0;
  for (const lane of lanes) {
    let left = lane;
    for (let [next] = left; next !== undefined; [next] = left) {
      const end = next.from + lengthMs;
      const within = left.reduce((sum, stretch) => sum + microsBefore(stretch, end), 0);
      if (within > inPlan.micros) {
        worth += 1;
        micros += inPlan.micros;
        left = left.flatMap((stretch) => restAfter(stretch, end));
      } else {
        micros += next.micros;
        left = left.slice(1);
      }
    }
  }
  const hours = microsPerHour === 0 ? Number.POSITIVE_INFINITY : inPlan.micros / microsPerHour;
  return {
    per,
    price: inPlan,
    source,
    breakEvenHours: hours > lengthMs / hourMs ? null : hours,
    worth,
    cost: { currency, micros: Math.round(micros) },
  };
}

function microsBefore({ from, to, micros }: Stretch, end: number): number {
  const part = Math.max(0, Math.min(to, end) - from) / (to - from);
  return micros * part;
}

function restAfter(stretch: Stretch, end: number): readonly Stretch[] {
  if (stretch.to <= end) return [];
  const from = Math.max(stretch.from, end);
  const part = (stretch.to - from) / (stretch.to - stretch.from);
  return [{ from, to: stretch.to, micros: stretch.micros * part }];
}
