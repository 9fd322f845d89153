import { ledgerOf } from "@gpujob/engine";
import type { Bill } from "@gpujob/scheduler";
import type { Market, Money } from "@gpujob/spec";
import type { RunRow, Store } from "@gpujob/store";
import { snapshotOf, submissionOf } from "./runs.ts";

/** The whole bill of one lease, with what it was for. */
export interface LeaseBill extends Bill {
  readonly runId: string;
  readonly count: number;
  readonly market: Market;
  /** Epoch milliseconds; `at` is its end, or now. */
  readonly from: number;
}

/** Longer no lease bills before it is on the list of those that were rented since a day. */
const longestMs = 31 * 86_400_000;

/** What every lease has cost that ended after `sinceMs` or still bills, by the time at which its bill ended. */
export async function readBills(
  store: Store,
  sinceMs: number,
  now: number,
): Promise<readonly LeaseBill[]> {
  const rows = await store.listRuns({ since: sinceMs - longestMs });
  return rows
    .flatMap((row) => billsOf(row, now))
    .filter(({ at }) => at >= sinceMs)
    .toSorted((left, right) => left.at - right.at);
}

function billsOf(row: RunRow, now: number): readonly LeaseBill[] {
  const submission = submissionOf(row);
  const { context } = snapshotOf(row);
  return context.attempts.flatMap((attempt) =>
    attempt.members.flatMap((member) => {
      const charges = ledgerOf(submission, attempt, member, member.billedTo ?? now);
      const [first] = charges;
      if (first === undefined) return [];
      const { gpu, market } = attempt.candidate.offer;
      const { currency } = first.amount;
      const sum = (rows: typeof charges): Money => ({
        currency,
        micros: rows.reduce((total, { amount }) => total + amount.micros, 0),
      });
      const compute = charges.filter(({ kind }) => kind === "compute");
      const hours = compute.reduce((total, { billedSeconds }) => total + billedSeconds, 0) / 3600;
      const count = gpu?.count ?? 0;
      return [
        {
          runId: row.runId,
          platform: first.platform,
          ...(gpu === undefined ? {} : { model: gpu.model }),
          count,
          market,
          cardHours: hours * count,
          compute: sum(compute),
          amount: sum(charges),
          from: first.from,
          at: first.to,
        },
      ];
    }),
  );
}
