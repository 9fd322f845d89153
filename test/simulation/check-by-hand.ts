import type { LeaseRow, LedgerRow } from "@gpujob/store";
import type { Violation } from "./checkers.ts";
import type { Remains } from "./history.ts";
import type { Machine, SimMarket } from "./sim-market.ts";

/** Is nothing known yet of the end of a machine that was rented by hand? */
export function isOpenByHand({ release, state }: LeaseRow): boolean {
  return release === "by-hand" && !["gone", "never", "vouched"].includes(state);
}

/**
 * A machine that was rented by hand is never taken for ended without its user's word, its own end or the next run that
 * takes over its bill; and its charge is closed with that, not before.
 */
export function checkByHand(
  { markets, vouched }: Remains,
  rows: readonly LeaseRow[],
  ledger: readonly LedgerRow[],
): readonly Violation[] {
  return markets
    .filter(({ facts }) => facts.release === "by-hand")
    .flatMap((market) =>
      market.machines().flatMap((machine): readonly Violation[] => {
        const what = faultOf(market, machine, rows, vouched);
        if (what !== undefined) return [{ kind: "untrue", what }];
        const isClosed = ledger.some(({ leaseKey }) => leaseKey === machine.request.leaseKey);
        if (!isClosed || !market.isUsers(machine) || vouched.has(machine.request.leaseKey))
          return [];
        const early = `${machine.leaseId} is charged to its end, and bills on`;
        return [{ kind: "ledger", what: early }];
      }),
    );
}

function faultOf(
  market: SimMarket,
  machine: Machine,
  rows: readonly LeaseRow[],
  vouched: ReadonlySet<string>,
): string | undefined {
  const { leaseId, request } = machine;
  const row = rows.find(({ leaseKey }) => leaseKey === request.leaseKey);
  if (row === undefined) return `${leaseId} was taken, and nobody knows`;
  if (row.state === "never") return `${leaseId} was taken, and is said to have never been`;
  if (row.state === "vouched" && !vouched.has(row.leaseKey))
    return `${leaseId} is said to be vouched for, and its user said nothing`;
  if (row.state === "gone" && market.isUsers(machine))
    return `${leaseId} is said to be gone, and only its user can end it`;
  return undefined;
}
