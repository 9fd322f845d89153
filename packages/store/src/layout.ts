import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { GpujobError } from "@gpujob/spec";
import { createPrivateFile } from "./safe-file.ts";
import { applicationId } from "./schema.ts";
import type { Migration } from "./schema.ts";

/** The first SQLite without the fault that can damage a file under two writers in WAL mode. */
const soundSqlite = [3, 51, 3] as const;

/** Throws `GpujobError` of kind `store` when this SQLite is too old to be trusted with two writers. */
export function checkSqliteVersion(version: string | undefined): void {
  const parts = (version ?? "0").split(".").map(Number);
  for (const [index, least] of soundSqlite.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return;
    if (part < least) {
      throw new GpujobError(
        "store",
        `This Node bundles SQLite ${version ?? "none"}, which can damage a file that two processes write to.`,
        { hint: `Use Node 24.15 or later (SQLite ${soundSqlite.join(".")} or later).` },
      );
    }
  }
}

function pragma(database: DatabaseSync, name: string): number {
  const value = database.prepare(`pragma ${name}`).get()?.[name];
  return typeof value === "number" ? value : 0;
}

/** Version of the layout in the file; 0 in an empty one. */
export function readLayout(database: DatabaseSync): number {
  return pragma(database, "user_version");
}

/** Version of the layout after all steps. */
export function newestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}

/** Throws `GpujobError` of kind `store` when the file needs a newer program. */
export function checkNotNewer(path: string, found: number, known: number): void {
  if (found <= known) return;
  throw new GpujobError(
    "store",
    `The store ${path} was written by a newer gpujob (layout ${found}; this one knows up to ${known}).`,
    { hint: "Update gpujob, or set GPUJOB_HOME to another folder. Nothing was changed." },
  );
}

/** Throws `GpujobError` of kind `store` when the file is another program's database. */
export function checkOurs(database: DatabaseSync, path: string): void {
  const { tables } = database.prepare("select count(*) as tables from sqlite_schema").get() ?? {};
  if (tables === 0 || pragma(database, "application_id") === applicationId) return;
  throw new GpujobError("store", `${path} is a database of another program.`, {
    hint: "Move it away, or set GPUJOB_HOME to another folder. Nothing was changed.",
  });
}

/** Copies the file as it stands, with the write lock held by the caller, so that no step falls between. */
function backUp(path: string, target: string): void {
  createPrivateFile(target);
  const reader = new DatabaseSync(path, { readOnly: true });
  try {
    reader.prepare("vacuum into ?").run(target);
  } catch (error) {
    rmSync(target, { force: true });
    throw error;
  } finally {
    reader.close();
  }
}

/** Where a layout is brought forward. */
export interface MigrateOptions {
  readonly path: string;
  readonly migrations: readonly Migration[];
  /** Names the backup of this migration; undefined for a database in memory. */
  readonly backupPath: ((fromVersion: number) => string) | undefined;
}

/**
 * Brings the file to the newest layout: all steps in one transaction, after a backup when it holds anything.
 * Of two processes that come at once, the second finds the work done.
 */
export function migrate(database: DatabaseSync, options: MigrateOptions): void {
  const { path, migrations, backupPath } = options;
  const newest = newestVersion(migrations);
  if (readLayout(database) === newest) return;
  database.exec("begin immediate");
  try {
    const found = readLayout(database);
    checkNotNewer(path, found, newest);
    if (found > 0 && found < newest && backupPath !== undefined) backUp(path, backupPath(found));
    for (const step of migrations.filter(({ version }) => version > found)) {
      for (const statement of step.statements) database.exec(statement);
    }
    database.exec(`pragma application_id = ${applicationId}`);
    database.exec(`pragma user_version = ${newest}`);
    database.exec("commit");
  } catch (error) {
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}
