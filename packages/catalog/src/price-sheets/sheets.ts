import type { Money } from "@gpujob/spec";
import { autodlTables } from "./autodl.ts";
import { byHandTables } from "./by-hand.ts";
import { compshareTables } from "./compshare.ts";
import type { PriceSheet, SheetRow, SheetTable } from "./price-sheet.ts";

/** Every seller's tables; one line each. */
const tables: readonly SheetTable[] = [...autodlTables, ...compshareTables, ...byHandTables];

/** ISO-8601 date on which somebody last looked at every sheet; none may be a year older. */
export const sheetsReviewedAt = "2026-11-01";

/** All price sheets, in the order in which they are written down. */
export function listSheets(): readonly PriceSheet[] {
  return tables.flatMap((table) => table.rows.map((row) => toSheet(table, row)));
}

/** The sheet of an id such as `autodl/rtx4090d`, in any case; `undefined` where there is none. */
export function findSheet(id: string): PriceSheet | undefined {
  return listSheets().find((sheet) => sheet.id === id.toLowerCase());
}

function toMoney({ currency }: SheetTable, amount: number): Money {
  return { currency, micros: Math.round(amount * 1e6) };
}

function toSheet(table: SheetTable, row: SheetRow): PriceSheet {
  const region = row.region ?? table.region;
  return {
    id: `${table.platform}/${row.card}`,
    platform: table.platform,
    gpu: row.gpu,
    pricePerHour: toMoney(table, row.price),
    market: row.market ?? table.market ?? "on-demand",
    billing: table.billing,
    ...(row.terms === undefined
      ? {}
      : { terms: row.terms.map((term) => ({ ...term, price: toMoney(table, term.price) })) }),
    ...(region === undefined ? {} : { region }),
    ...(table.country === undefined ? {} : { country: table.country }),
    source: row.source ?? table.source,
    observedAt: row.observedAt ?? table.observedAt,
    confidence: row.confidence ?? table.confidence,
  };
}
