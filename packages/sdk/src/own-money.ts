import { openPurse } from "@gpujob/scheduler";
import type { Accounts, Bill, Purse } from "@gpujob/scheduler";
import type { AccountTerms, ExchangeRate, JobSpec, PlatformConfig } from "@gpujob/spec";

/** What the user has where, for a plan. */
export interface OwnMoney {
  readonly accounts?: Accounts;
  readonly purse?: Purse;
  /** When the plan is for: now, or when the job may start. */
  readonly nowMs: number;
}

/** The accounts of the configured platforms that have one. */
export function accountsOf(
  platforms: readonly Pick<PlatformConfig, "name" | "account">[],
): Accounts {
  return Object.fromEntries(
    platforms.flatMap(({ name, account }) => (account === undefined ? [] : [[name, account]])),
  );
}

/** Reads what runs have cost only where coupons or prepaid hours hang on it. */
export async function readOwnMoney(options: {
  readonly job: JobSpec;
  readonly platforms: readonly PlatformConfig[];
  readonly currency: string;
  readonly rates: readonly ExchangeRate[];
  readonly now: number;
  /** What leases have cost that were rented since then. */
  readonly bills: (sinceMs: number) => Promise<readonly Bill[]>;
}): Promise<OwnMoney> {
  const { job, currency, rates, now } = options;
  const accounts = accountsOf(options.platforms);
  const nowMs = job.startAt === undefined ? now : Math.max(now, Date.parse(job.startAt));
  if (Object.keys(accounts).length === 0) return { nowMs };
  const since = firstDay(Object.values(accounts));
  if (since === undefined) return { accounts, nowMs };
  const purse = openPurse(accounts, { currency, rates });
  for (const bill of await options.bills(since)) purse.pay(bill);
  return { accounts, purse, nowMs };
}

/** The earliest day from which anything pays; `undefined`: nothing does. */
export function firstDay(accounts: readonly AccountTerms[]): number | undefined {
  const days = accounts.flatMap(({ coupons = [], prepaidHours = [] }) =>
    [...coupons, ...prepaidHours].map(({ asOf }) => Date.parse(asOf)),
  );
  return days.length === 0 ? undefined : Math.min(...days);
}
