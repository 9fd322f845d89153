import { paint } from "./style.ts";
import { pad, tame, truncate, widthOf } from "./text.ts";
import type { View } from "./view.ts";

type Tone = Parameters<typeof paint>[1];

/** One column of a table over rows of one kind. */
export interface Column<Row> {
  readonly header: string;
  readonly value: (row: Row) => string;
  readonly align?: "left" | "right";
  /** Columns it may be cut down to; absent: it is never cut, as ids and numbers must not be. */
  readonly shrinkTo?: number;
  /** Left out on a narrow terminal, the highest first; absent: always shown. */
  readonly dropOrder?: number;
  readonly tone?: (row: Row) => Tone | undefined;
}

const gap = "  ";

/**
 * Rows as aligned columns under a header, without borders. Where the line is too short, texts are cut first, then
 * columns left out; what can be neither stays whole, even if the line gets too long.
 */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  view: View,
): readonly string[] {
  const cells = columns.map((column) => ({
    column,
    texts: rows.map((row) => tame(column.value(row))),
  }));
  const filled = cells.filter(
    ({ column, texts }) => column.dropOrder === undefined || texts.some((text) => text !== ""),
  );
  const shown = fit(
    filled.map(({ column, texts }) => ({
      column,
      texts,
      width: Math.max(widthOf(column.header), ...texts.map(widthOf)),
    })),
    view.columns,
  );
  const header = shown.map(({ column, width }) => place(column.header, column, width));
  const body = rows.map((row, index) =>
    shown
      .map(({ column, texts, width }) => {
        const tone = column.tone?.(row);
        return place(texts[index] ?? "", column, width, (text) =>
          tone === undefined ? text : paint(text, tone, view),
        );
      })
      .join(gap)
      .trimEnd(),
  );
  return [paint(header.join(gap).trimEnd(), "dim", view), ...body];
}

/** The spaces stay outside of the colour, so that they can be trimmed at the end of a line. */
function place<Row>(
  text: string,
  column: Column<Row>,
  width: number,
  dress: (text: string) => string = (same) => same,
): string {
  return pad(dress(truncate(text, width)), width, column.align ?? "left");
}

interface Sized<Row> {
  readonly column: Column<Row>;
  readonly texts: readonly string[];
  readonly width: number;
}

function fit<Row>(columns: readonly Sized<Row>[], limit: number): readonly Sized<Row>[] {
  const total = (list: readonly Sized<Row>[]): number =>
    list.reduce((sum, { width }) => sum + width, gap.length * Math.max(0, list.length - 1));
  let shown = [...columns];
  while (total(shown) > limit) {
    const widest = shown
      .filter(({ column, width }) => column.shrinkTo !== undefined && width > column.shrinkTo)
      .reduce<Sized<Row> | undefined>(
        (best, next) => (best && best.width >= next.width ? best : next),
        undefined,
      );
    if (widest) {
      shown = shown.map((entry) =>
        entry === widest ? { ...entry, width: entry.width - 1 } : entry,
      );
      continue;
    }
    const dropped = shown
      .filter(({ column }) => column.dropOrder !== undefined)
      .toSorted((left, right) => (right.column.dropOrder ?? 0) - (left.column.dropOrder ?? 0))[0];
    if (!dropped) break;
    // Start again with all texts whole: what is left may not need cutting any more.
    const kept = new Set(shown.filter((entry) => entry !== dropped).map(({ column }) => column));
    shown = columns.filter(({ column }) => kept.has(column));
  }
  return shown;
}
