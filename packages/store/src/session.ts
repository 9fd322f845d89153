import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { createPatience } from "./patience.ts";
import type { Patience } from "./patience.ts";
import { perform } from "./query.ts";
import type { Query, Row, Work } from "./query.ts";
import { damagedError, isDamage, toStoreError } from "./trouble.ts";

/** One open database: performs work, each write in a transaction of its own. */
export interface Session {
  /** Performs work that changes nothing. */
  read<T>(work: () => Work<T>): Promise<T>;
  /** Performs work in one immediate transaction: all of it is on the disk when this resolves, or none of it. */
  write<T>(work: () => Work<T>): Promise<T>;
  /** Does something with the database outside of this module; again while another process holds the lock. */
  exclusive<T>(use: () => T): Promise<T>;
  /** Reads the whole file; each sentence names one fault. */
  inspect(): Promise<readonly string[]>;
  close(): void;
}

/** What a session needs to know about its file. */
export interface SessionOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Looked at in each write, before and after: throws when the file is no longer the one that was opened. */
  readonly checkFile: () => void;
  /** Looked at inside each write: throws when a newer program has changed the layout meanwhile. */
  readonly checkLayout: (database: DatabaseSync) => void;
}

/** Wraps an open database. It keeps each statement prepared, and refuses all writes once the file proved damaged. */
export function createSession(database: DatabaseSync, options: SessionOptions): Session {
  const { path, checkFile, checkLayout } = options;
  const ending = new AbortController();
  const waiting = { path, clock: options.clock, signal: ending.signal };
  // Readers never stand behind a writer that waits: WAL lets them through.
  const reading = createPatience(waiting);
  const writing = createPatience(waiting);
  const prepared = new Map<string, StatementSync>();
  let damage: GpujobError | undefined;

  function execute(query: Query): readonly Row[] {
    let statement = prepared.get(query.sql);
    if (statement === undefined) {
      statement = database.prepare(query.sql);
      prepared.set(query.sql, statement);
    }
    return statement.all(...query.values);
  }

  function command(word: "begin immediate" | "commit" | "rollback"): void {
    execute({ sql: word, values: [] });
  }

  function transact<T>(work: () => Work<T>): T {
    if (damage !== undefined) throw damage;
    checkFile();
    command("begin immediate");
    try {
      checkLayout(database);
      const result = perform(work(), execute);
      command("commit");
      checkFile();
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, a full disk among them.
      if (database.isTransaction) command("rollback");
      throw error;
    }
  }

  async function patiently<T>(patience: Patience, attempt: () => T): Promise<T> {
    if (!database.isOpen) throw closedError(path);
    try {
      return await patience(attempt);
    } catch (error) {
      if (isDamage(error)) damage ??= damagedError(path, error);
      throw toStoreError(error, path);
    }
  }

  return {
    read: (work) => patiently(reading, () => perform(work(), execute)),
    write: (work) => patiently(writing, () => transact(work)),
    exclusive: (use) => patiently(writing, use),
    inspect: () => patiently(reading, () => findFaults(database)),
    close() {
      ending.abort(closedError(path));
      prepared.clear();
      if (database.isOpen) database.close();
    },
  };
}

function findFaults(database: DatabaseSync): readonly string[] {
  try {
    const rows = database.prepare("pragma quick_check").all();
    const sentences = rows.map((row) => String(row["quick_check"]));
    return sentences.filter((sentence) => sentence !== "ok");
  } catch (error) {
    // So broken that it cannot even be walked through: that is the fault.
    if (error instanceof Error && isDamage(error)) return [error.message];
    throw error;
  }
}

function closedError(path: string): GpujobError {
  return new GpujobError("store", `The store ${path} is closed.`, {
    hint: "Open it again with `openStore`.",
  });
}
