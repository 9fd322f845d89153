import type { DatabaseSync } from "node:sqlite";
import type { Money } from "@gpujob/spec";
import { chargeMachine } from "./billing.ts";
import type { MarketPlace } from "./create-machine.ts";
import { readMachines } from "./machine-record.ts";

/** What is left on the platform's account: its first balance less all that its machines have cost in that currency. */
export function readBalance(
  database: DatabaseSync,
  place: Pick<MarketPlace, "platform" | "terms" | "now">,
): Money {
  const { currency, micros } = place.terms.balance;
  const spent = readMachines(database, "platform = ?", [place.platform])
    .flatMap((machine) => chargeMachine(machine, place.now()).charges)
    .filter(({ amount }) => amount.currency === currency)
    .reduce((total, { amount }) => total + amount.micros, 0);
  return { currency, micros: micros - spent };
}
