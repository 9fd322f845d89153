import { convertMoney, listSheets, normalizeGpuName } from "@gpujob/catalog";
import { adviseTerms, openPurse } from "@gpujob/scheduler";
import type { TermOffer } from "@gpujob/scheduler";
import type { Config, Money } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import type { CostReport, TermReport } from "./gpujob.ts";
import { readBills } from "./own-bills.ts";
import { accountsOf, firstDay } from "./own-money.ts";
import { ratesOf } from "./submission.ts";

/** What is looked at where nobody says since when: the longest term. */
const usualMs = 30 * 86_400_000;

/** The use since a time, by the hour and by the terms of the configuration and the price sheets. */
export async function adviseOnTerms(
  store: Store,
  config: Config,
  { now, since = now - usualMs }: { readonly now: number; readonly since?: number },
): Promise<TermReport> {
  const bills = await readBills(store, since, now);
  const uses = bills.flatMap(({ model, count, platform, from, at, compute }) =>
    model === undefined ? [] : [{ platform, model, count, from, to: at, compute }],
  );
  const { currency } = config;
  const rates = ratesOf(config, now);
  return {
    from: new Date(since).toISOString(),
    to: new Date(now).toISOString(),
    currency,
    advice: adviseTerms(uses, [...ownTerms(config), ...sheetTerms()], { currency, rates }),
  };
}

function ownTerms({ platforms }: Config): readonly TermOffer[] {
  return platforms.flatMap(({ name, account }) =>
    (account?.terms ?? []).map((term) => ({
      ...term,
      platform: name,
      source: `platforms.${name}.account.terms`,
    })),
  );
}

/** Of one card each; what several in one machine cost nobody says. */
function sheetTerms(): readonly TermOffer[] {
  return listSheets().flatMap(({ id, gpu, terms = [] }) => {
    const model = normalizeGpuName(gpu)?.model;
    if (model === undefined) return [];
    return terms.map(({ per, price, observedAt }) => ({
      model,
      count: 1,
      per,
      price,
      source: `${id} in its console, ${observedAt}`,
    }));
  });
}

/** How the bills of a report are paid; `undefined` where no coupons and prepaid hours are configured. */
export async function payBills(
  store: Store,
  config: Config,
  { lines }: CostReport,
  now: number,
): Promise<CostReport["toPay"]> {
  const accounts = accountsOf(config.platforms);
  const since = firstDay(Object.values(accounts));
  if (since === undefined) return undefined;
  const { currency } = config;
  const rates = ratesOf(config, now);
  const purse = openPurse(accounts, { currency, rates });
  const wanted = new Set(lines.map(({ runId }) => runId));
  const first = Math.min(since, ...lines.map(({ from }) => Date.parse(from)));
  const sums = { amount: 0, prepaidHours: 0, coupons: 0 };
  for (const bill of await readBills(store, first, now)) {
    const paid = purse.pay(bill);
    if (!wanted.has(bill.runId)) continue;
    sums.amount += (paid?.amount ?? convertMoney(bill.amount, currency, rates)).micros;
    sums.prepaidHours += paid?.prepaidHours.micros ?? 0;
    sums.coupons += paid?.coupons.micros ?? 0;
  }
  const money = (micros: number): Money => ({ currency, micros });
  return {
    amount: money(sums.amount),
    prepaidHours: money(sums.prepaidHours),
    coupons: money(sums.coupons),
  };
}
