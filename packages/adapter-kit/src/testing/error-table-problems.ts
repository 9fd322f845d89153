import type { ErrorFacts, ErrorTable } from "../error-table.ts";
import { matchError } from "../error-table.ts";

/**
 * What is wrong with an error table, as sentences; none when every row names a fixture, and that fixture's error is
 * found by this very row. `readFacts` reads the fixture's code, text and status as the adapter would.
 */
export async function errorTableProblems(
  table: ErrorTable,
  readFacts: (example: string) => ErrorFacts | Promise<ErrorFacts>,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const [index, row] of table.entries()) {
    const name = `row ${index + 1} (${row.code ?? row.text?.source ?? row.status ?? "empty"})`;
    try {
      const facts = await readFacts(row.example);
      const found = matchError(table, facts);
      if (found === undefined) problems.push(`${name}: no row matches its example ${row.example}`);
      else if (found !== row) {
        problems.push(
          `${name}: its example ${row.example} is taken by row ${table.indexOf(found) + 1}`,
        );
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.push(`${name}: its example ${row.example} cannot be read: ${why}`);
    }
  }
  return problems;
}
