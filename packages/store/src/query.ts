/** What a column holds. Whole numbers stay below 2^53; text is UTF-8; JSON is text. */
export type Value = string | number | null;

/** One row as it comes from the database, by column name. */
export type Row = Readonly<Record<string, unknown>>;

/** One statement with `?` for each value: the form that every dialect understands or can renumber. */
export interface Query {
  readonly sql: string;
  readonly values: readonly Value[];
  /** Asks only how many rows were changed: `returning` costs SQLite a table of its own each time. */
  readonly isCount?: true;
}

/**
 * A piece of store logic as a sequence of statements. It says what to ask and what to make of the answers; the
 * dialect decides how to ask: SQLite at once within one turn of the event loop, a server database with a round trip
 * for each. So the logic exists once, and no I/O of its own can creep into a transaction.
 */
export type Work<T> = Generator<Query, T, readonly Row[]>;

/** All rows of one statement. */
export function* all(sql: string, ...values: readonly Value[]): Work<readonly Row[]> {
  return yield { sql, values };
}

/** The first row of one statement, if there is any. */
export function* first(sql: string, ...values: readonly Value[]): Work<Row | undefined> {
  const rows = yield { sql, values };
  return rows[0];
}

/** How many rows one statement changed. */
export function* count(sql: string, ...values: readonly Value[]): Work<number> {
  const rows = yield { sql, values, isCount: true };
  return Number(rows[0]?.["changes"] ?? 0);
}

/** Performs work by asking `execute` for each statement, without ever giving way to other work. */
export function perform<T>(work: Work<T>, execute: (query: Query) => readonly Row[]): T {
  let step = work.next();
  while (step.done !== true) step = work.next(execute(step.value));
  return step.value;
}
