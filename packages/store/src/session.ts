import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { createPatience } from "./patience.ts";
import type { Patience } from "./patience.ts";
import { perform } from "./query.ts";
import type { Query, Row, Work } from "./query.ts";
import { damagedError, isDamage, toStoreError } from "./trouble.ts";
import { createWriteGroup } from "./write-group.ts";

/** One open database: performs work, each write in a transaction of its own. */
export interface Session {
  /** Performs work that changes nothing. */
  read<T>(work: () => Work<T>): Promise<T>;
  /**
   * Performs work in an immediate transaction: all of it is on the disk when this resolves, or none of it. Calls of one
   * turn of the event loop share a transaction; one that fails takes nothing of the others with it.
   */
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
  /** Calls back when writes that come together have come; at once where nothing is gained by waiting. */
  readonly gather: (flush: () => void) => void;
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
    if (query.isCount !== true) return statement.all(...query.values);
    return [{ changes: statement.run(...query.values).changes }];
  }

  function command(...words: readonly string[]): void {
    for (const sql of words) execute({ sql, values: [] });
  }

  /** One of several writes; what it wrote is taken back when it fails. */
  function attempt<T>(write: () => T): PromiseFulfilledResult<T> | PromiseRejectedResult {
    command("savepoint one");
    try {
      const result = fulfilled(write());
      command("release one");
      return result;
    } catch (error) {
      // A full disk may have ended the whole transaction already.
      if (!database.isTransaction || isDamage(error)) throw error;
      command("rollback to one", "release one");
      return { status: "rejected", reason: toStoreError(error, path) };
    }
  }

  function transact<T>(
    writes: readonly (() => T)[],
  ): readonly (PromiseFulfilledResult<T> | PromiseRejectedResult)[] {
    if (damage !== undefined) throw damage;
    checkFile();
    command("begin immediate");
    try {
      checkLayout(database);
      const [only] = writes;
      // Alone it needs no savepoint: all there is to take back is the transaction.
      const results =
        only !== undefined && writes.length === 1 ? [fulfilled(only())] : writes.map(attempt);
      command("commit");
      checkFile();
      return results;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, a full disk among them.
      if (database.isTransaction) command("rollback");
      throw error;
    }
  }

  const group = createWriteGroup(
    (writes) => patiently(writing, () => transact(writes)),
    options.gather,
  );

  async function patiently<T>(patience: Patience, action: () => T): Promise<T> {
    if (!database.isOpen) throw closedError(path);
    try {
      return await patience(action);
    } catch (error) {
      if (isDamage(error)) damage ??= damagedError(path, error);
      throw toStoreError(error, path);
    }
  }

  return {
    read: (work) => patiently(reading, () => perform(work(), execute)),
    write: (work) => group.add(() => perform(work(), execute)),
    exclusive: (use) => patiently(writing, use),
    inspect: () => patiently(reading, () => findFaults(database)),
    close() {
      if (database.isOpen) group.flush();
      ending.abort(closedError(path));
      prepared.clear();
      if (database.isOpen) database.close();
    },
  };
}

function fulfilled<T>(value: T): PromiseFulfilledResult<T> {
  return { status: "fulfilled", value };
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
