import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { createPatience } from "./patience.ts";
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
  const patience = createPatience(path, options.clock);
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

  async function patiently<T>(attempt: () => T): Promise<T> {
    if (!database.isOpen) throw closedError(path);
    try {
      return await patience.run(attempt);
    } catch (error) {
      if (isDamage(error)) damage ??= damagedError(path, error);
      throw toStoreError(error, path);
    }
  }

  return {
    read: (work) => patiently(() => perform(work(), execute)),
    write: (work) => patiently(() => transact(work)),
    exclusive: patiently,
    close() {
      patience.end(closedError(path));
      prepared.clear();
      if (database.isOpen) database.close();
    },
  };
}

function closedError(path: string): GpujobError {
  return new GpujobError("store", `The store ${path} is closed.`, {
    hint: "Open it again with `openStore`.",
  });
}
