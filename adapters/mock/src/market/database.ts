import { existsSync, globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const fileName = "market.sqlite";

/** Raised with every change of the tables. */
const fileVersion = 3;

// The keeper of every machine opens this file too: no import here may be heavy.
const schema = `
CREATE TABLE IF NOT EXISTS machines (
  lease_id TEXT PRIMARY KEY,
  platform TEXT NOT NULL,
  token TEXT NOT NULL,
  tags TEXT NOT NULL,
  terms TEXT NOT NULL,
  offer_type TEXT NOT NULL,
  disk_gib REAL NOT NULL,
  created_ms INTEGER NOT NULL,
  boot_ms INTEGER NOT NULL,
  ends_ms INTEGER NOT NULL,
  interrupt_after_ms INTEGER,
  notice_ms INTEGER,
  die_after_ms INTEGER,
  vanish_after_ms INTEGER,
  vanish_ms INTEGER,
  shown_gpu TEXT NOT NULL,
  keeper TEXT,
  up_ms INTEGER,
  ended_ms INTEGER,
  end_reason TEXT,
  cleaned_ms INTEGER,
  disk_ends_ms INTEGER,
  UNIQUE (platform, token)
) STRICT;
CREATE INDEX IF NOT EXISTS machines_open ON machines (platform, offer_type) WHERE cleaned_ms IS NULL;
CREATE TABLE IF NOT EXISTS counters (
  platform TEXT NOT NULL,
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (platform, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  platform TEXT NOT NULL,
  call TEXT NOT NULL,
  lease_id TEXT,
  fault TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS faults (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  platform TEXT NOT NULL,
  fault TEXT NOT NULL
) STRICT;
`;

/** The market's file in a state folder. */
export function databasePath(folder: string): string {
  return join(folder, fileName);
}

/** Folders with a market in or below `folder`: a state folder itself, or a home that holds several. */
export function findMarketFolders(folder: string): readonly string[] {
  if (existsSync(databasePath(folder))) return [folder];
  const depths = ["*", "*/*", "*/*/*"].map((depth) => `${depth}/${fileName}`);
  return globSync(depths, { cwd: folder })
    .map((path) => join(folder, path, ".."))
    .toSorted();
}

/**
 * Opens the market's file, made on first use. Several processes may have it open at once.
 *
 * @throws Error of SQLite when the file cannot be read or written, and Error when another version wrote it.
 */
export function openDatabase(folder: string): DatabaseSync {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(databasePath(folder), { timeout: 5_000 });
  enterWriteAheadMode(database);
  database.exec("PRAGMA synchronous = NORMAL");
  inTransaction(database, () => prepareTables(database, folder));
  return database;
}

function prepareTables(database: DatabaseSync, folder: string): void {
  const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version === fileVersion) return;
  // Version 1 had no table of added faults, version 2 no disk that outlives its machine; nothing else differs.
  if (version !== 0 && version !== 1 && version !== 2) {
    throw new Error(
      `${databasePath(folder)} was written by another version of gpujob. Run gpujob mock reset`,
    );
  }
  if (version !== 0) database.exec("ALTER TABLE machines ADD COLUMN disk_ends_ms INTEGER");
  database.exec(schema);
  database.exec(`PRAGMA user_version = ${fileVersion}`);
}

/** SQLite does not wait for other processes here, whatever the time-out, when two make the file at once. */
function enterWriteAheadMode(database: DatabaseSync): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 1; ; attempt++) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (attempt === 200) throw error;
      Atomics.wait(pause, 0, 0, 25);
    }
  }
}

/** Does the work with the write lock held from the start, so that what it reads is still true when it writes. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
