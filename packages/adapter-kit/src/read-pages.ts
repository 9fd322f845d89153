import { PlatformError } from "@gpujob/spec";
import type { Place } from "./abort.ts";

/** A list that a platform gives in pages. */
export interface PagedList<Row> {
  readonly place: Place;
  readonly idOf: (row: Row) => string;
  /**
   * `page` counts from 1, `offset` is how many rows came before it. `total`: rows of the whole list. `isLast`: the
   * platform says that there are no more pages.
   */
  readonly readPage: (position: { readonly page: number; readonly offset: number }) => Promise<{
    readonly rows: readonly Row[];
    readonly total: number;
    readonly isLast?: boolean;
  }>;
}

const readTries = 3;

/**
 * Every row of a paged list. Half a list would hide machines that bill: one that ends early, or shows the same rows again,
 * throws `contract_violation`; one that changes while it is read is read again, three times at most.
 */
export async function readPages<Row>(list: PagedList<Row>): Promise<readonly Row[]> {
  for (let left = readTries; left > 0; left--) {
    const rows = await readOnce(list);
    if (rows !== undefined) return rows;
  }
  throw broken(list.place, "unavailable", "the list changes faster than it can be read");
}

/** `undefined`: the list became longer or shorter on the way, so that a row may have slipped past. */
async function readOnce<Row>(list: PagedList<Row>): Promise<readonly Row[] | undefined> {
  const found = new Map<string, Row>();
  let offset = 0;
  let total: number | undefined;
  for (let page = 1; ; page++) {
    const answer = await list.readPage({ page, offset });
    if (total !== undefined && answer.total !== total) return undefined;
    total = answer.total;
    const before = found.size;
    for (const row of answer.rows) found.set(list.idOf(row), row);
    offset += answer.rows.length;
    if (found.size >= total) return [...found.values()];
    if (found.size > before && answer.isLast !== true) continue;
    const what = `the list is not complete (${found.size} of ${total})`;
    throw broken(list.place, "contract_violation", what);
  }
}

function broken(
  place: Place,
  kind: "unavailable" | "contract_violation",
  what: string,
): PlatformError {
  const message = `${place.platform}: ${place.operation} failed: ${what}.`;
  return new PlatformError(kind, message, { ...place, scope: "platform" });
}
