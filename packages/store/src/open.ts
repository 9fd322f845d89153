import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { findNetworkFileSystem } from "./file-system.ts";
import {
  checkNotNewer,
  checkOurs,
  checkSqliteVersion,
  migrate,
  newestVersion,
  readLayout,
} from "./layout.ts";
import { ensureValue, readValue } from "./memory.ts";
import { prepareFile, watchFiles } from "./safe-file.ts";
import { migrations as allMigrations } from "./schema.ts";
import type { Migration } from "./schema.ts";
import { createStore } from "./create-store.ts";
import { createSession } from "./session.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import { toStoreError } from "./trouble.ts";

/** What a store needs from outside. */
export interface StoreOptions {
  /** File of the store, or `:memory:` for one that ends with the process. */
  readonly path: string;
  readonly clock: Clock;
  /** Makes a new unique id; names the store when it is made, and backups. */
  readonly newId: () => string;
  /** Name of the network file system a folder is on, if it is on one. @default what the system says */
  readonly checkFileSystem?: (folder: string) => string | undefined;
}

const inMemory = ":memory:";
const noCheck = (): void => undefined;

/**
 * Longest wait inside SQLite for another process's lock, in milliseconds: it stops the event loop. Longer waits
 * happen outside, between two tries.
 */
const busyWaitMs = 50;

/**
 * Opens the memory of one installation; makes it when there is none, and brings an older one forward after a backup
 * beside it. Throws `GpujobError` of kind `store`, with the next step, when the file must not be written: too old an
 * SQLite, a network file system, a link, another owner, open permissions, a newer layout, damage.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  return openStoreWith(options, allMigrations);
}

/** `openStore` with another list of layouts: for tests of going forward. */
export async function openStoreWith(
  options: StoreOptions,
  migrations: readonly Migration[],
): Promise<Store> {
  checkSqliteVersion(process.versions["sqlite"]);
  if (options.path !== inMemory) prepare(options);
  const database = openDatabase(options.path);
  let checkFile = noCheck;
  const session = createSession(database, {
    ...options,
    checkFile: () => checkFile(),
    checkLayout: layoutCheck(options.path, migrations),
    gather: options.path === inMemory ? (flush) => flush() : (flush) => void setImmediate(flush),
  });
  try {
    await session.exclusive(() => lay(database, options, migrations));
    const storeId = await identify(session, options.newId);
    if (options.path !== inMemory) checkFile = watchFiles(options.path);
    return createStore(session, { storeId, clock: options.clock });
  } catch (error) {
    session.close();
    throw error;
  }
}

function prepare({ path, checkFileSystem = findNetworkFileSystem }: StoreOptions): void {
  prepareFile(path, process.getuid?.());
  const network = checkFileSystem(dirname(path));
  if (network === undefined) return;
  throw new GpujobError(
    "store",
    `The state folder ${dirname(path)} is on a network file system (${network}), where a store can be damaged.`,
    { hint: "Set GPUJOB_HOME to a folder on a disk of this machine." },
  );
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: busyWaitMs });
  } catch (error) {
    throw toStoreError(error, path);
  }
}

function layoutCheck(
  path: string,
  migrations: readonly Migration[],
): (database: DatabaseSync) => void {
  if (path === inMemory) return noCheck;
  const newest = newestVersion(migrations);
  return (database) => checkNotNewer(path, readLayout(database), newest);
}

/** Looks before it writes: nothing is changed in a file that is not ours to change. */
function lay(
  database: DatabaseSync,
  { path, newId }: StoreOptions,
  migrations: readonly Migration[],
): void {
  checkNotNewer(path, readLayout(database), newestVersion(migrations));
  checkOurs(database, path);
  // Each commit is on the disk before it is confirmed, on Apple's systems too; broken cells are found at reading.
  database.exec("pragma synchronous = full; pragma fullfsync = on; pragma cell_size_check = on");
  if (path === inMemory) {
    migrate(database, { path, migrations, backupPath: undefined });
    return;
  }
  database.exec("pragma journal_mode = wal");
  const backupPath = (from: number): string => `${path}.layout-${from}.${newId()}.backup`;
  migrate(database, { path, migrations, backupPath });
}

async function identify(session: Session, newId: () => string): Promise<string> {
  const known = await session.read(() => readValue("store-id"));
  return known ?? session.write(() => ensureValue("store-id", newId()));
}
