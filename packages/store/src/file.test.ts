import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore } from "./index.ts";
import { checkSqliteVersion } from "./layout.ts";
import { openStoreWith } from "./open.ts";
import { migrations } from "./schema.ts";
import { it } from "./testing/fixture.ts";
import { childCommand } from "./testing/processes.ts";
import { realClock, sampleRun } from "./testing/samples.ts";

const limits = { timeout: 60_000 };

/** How many steps a child had confirmed when the disk was full. */
function confirmedOf(line: unknown): number {
  if (typeof line !== "object" || line === null || !("confirmed" in line)) return -1;
  return Number(line.confirmed);
}

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}

it("makes the folder for the owner alone, and the files too", async ({ expect, disk }) => {
  const path = join(disk.folder, "a", "b", "store.db");
  const store = await disk.open({ path });
  await store.createRun(sampleRun("r-aaa"));
  expect(mode(join(disk.folder, "a"))).toBe(0o700);
  expect(mode(join(disk.folder, "a", "b"))).toBe(0o700);
  for (const file of ["store.db", "store.db-wal", "store.db-shm"]) {
    expect(mode(join(disk.folder, "a", "b", file))).toBe(0o600);
  }
});

it("remembers everything after it is closed, its own id included", async ({ expect, disk }) => {
  const store = await disk.open();
  await store.createRun(sampleRun("r-aaa"));
  await store.close();
  const again = await disk.open();
  expect(again.storeId).toBe(store.storeId);
  expect(await again.loadRun("r-aaa")).toMatchObject({ runId: "r-aaa" });
});

it("refuses a folder or file that is a link or open to others, with the command that mends it", async ({
  expect,
  disk,
}) => {
  const link = join(disk.folder, "link");
  symlinkSync(disk.folder, link);
  const refusal = async (path: string): Promise<unknown> =>
    disk.open({ path }).catch((error: unknown) => error);
  const hinting = (command: string): object => ({
    failure: { kind: "store", hint: expect.stringContaining(command) },
  });
  expect(await refusal(join(link, "store.db"))).toMatchObject(hinting(`readlink -f '${link}'`));
  const wide = join(disk.folder, "wide");
  mkdirSync(wide);
  chmodSync(wide, 0o777);
  expect(await refusal(join(wide, "store.db"))).toMatchObject(hinting(`chmod 700 '${wide}'`));
  expect(readdirSync(wide)).toEqual([]);
  writeFileSync(disk.path, "", { mode: 0o644 });
  expect(await refusal(disk.path)).toMatchObject(hinting(`chmod 600 '${disk.path}'`));
  rmSync(disk.path);
  symlinkSync("/dev/null", disk.path);
  expect(await refusal(disk.path)).toMatchObject(hinting(`readlink -f '${disk.path}'`));
});

it.skipIf(process.getuid?.() !== 0)(
  "refuses a folder of another user",
  async ({ expect, disk }) => {
    const folder = join(disk.folder, "theirs");
    mkdirSync(folder, { mode: 0o700 });
    execFileSync("chown", ["65534", folder]);
    await expect(disk.open({ path: join(folder, "store.db") })).rejects.toMatchObject({
      failure: { kind: "store", hint: expect.stringContaining(`sudo chown -R 0 '${folder}'`) },
    });
  },
);

it("refuses a network file system and makes nothing usable there", async ({ expect, disk }) => {
  const opened = disk.open({ checkFileSystem: () => "NFS" });
  await expect(opened).rejects.toThrow(/network file system \(NFS\)/);
  expect(statSync(disk.path).size).toBe(0);
});

it("refuses an SQLite that can damage a file under two writers", ({ expect }) => {
  expect(() => checkSqliteVersion("3.51.2")).toThrow(/3\.51\.2/);
  expect(() => checkSqliteVersion("3.9.9")).toThrow();
  expect(() => checkSqliteVersion(undefined)).toThrow();
  for (const sound of ["3.51.3", "3.52.0", "4.0.0"]) {
    expect(() => checkSqliteVersion(sound)).not.toThrow();
  }
});

it("refuses a file that is newer than the program and does not touch it", async ({
  expect,
  disk,
}) => {
  await (await disk.open()).close();
  const database = new DatabaseSync(disk.path);
  database.exec("pragma user_version = 99");
  database.close();
  const before = readFileSync(disk.path);
  await expect(disk.open()).rejects.toThrow(/newer gpujob \(layout 99/);
  expect(readFileSync(disk.path)).toEqual(before);
});

it("refuses another program's database", async ({ expect, disk }) => {
  const database = new DatabaseSync(disk.path);
  database.exec("create table customers (name text)");
  database.close();
  chmodSync(disk.path, 0o600);
  await expect(disk.open()).rejects.toThrow(/database of another program/);
});

const nextLayout = [
  ...migrations,
  {
    version: (migrations.at(-1)?.version ?? 0) + 1,
    statements: ["create table extra (name text)"],
  },
];

it("goes forward after a backup, and a program with the old layout writes no more", async ({
  expect,
  disk,
}) => {
  const old = await disk.open();
  await old.createRun(sampleRun("r-aaa"));
  const options = { path: disk.path, clock: realClock, newId: () => "b1" };
  const store = await openStoreWith(options, nextLayout);
  expect(await store.loadRun("r-aaa")).toMatchObject({ runId: "r-aaa" });
  await expect(old.createRun(sampleRun("r-bbb"))).rejects.toThrow(/newer gpujob/);
  await store.close();
  await old.close();
  const backup = readdirSync(disk.folder).find((name) => name.endsWith(".backup")) ?? "";
  expect(mode(join(disk.folder, backup))).toBe(0o600);
  const restored = await disk.open({ path: join(disk.folder, backup) });
  expect(restored.storeId).toBe(old.storeId);
  expect(await restored.loadRun("r-aaa")).toMatchObject({ runId: "r-aaa" });
});

it("leaves the file as it was when going forward fails", async ({ expect, disk }) => {
  const old = await disk.open();
  await old.createRun(sampleRun("r-aaa"));
  await old.close();
  const next = (migrations.at(-1)?.version ?? 0) + 1;
  const broken = [...migrations, { version: next, statements: ["create table runs (x text)"] }];
  const options = { path: disk.path, clock: realClock, newId: () => "b1" };
  await expect(openStoreWith(options, broken)).rejects.toMatchObject({
    failure: { kind: "store" },
  });
  const again = await openStore({ ...options });
  expect(await again.loadRun("r-aaa")).toMatchObject({ runId: "r-aaa" });
  await again.close();
});

it("says that a file without a database's head is damaged and leaves it alone", async ({
  expect,
  disk,
}) => {
  writeFileSync(disk.path, "not a database at all ".repeat(500), { mode: 0o600 });
  const before = readFileSync(disk.path);
  await expect(disk.open()).rejects.toMatchObject({
    failure: { kind: "store", message: expect.stringContaining("is damaged") },
  });
  expect(readFileSync(disk.path)).toEqual(before);
});

it("stops writing once a page proves damaged", async ({ expect, disk }) => {
  const store = await disk.open();
  const submission = JSON.stringify("x".repeat(50_000));
  for (const id of ["r-a", "r-b", "r-c"]) await store.createRun(sampleRun(id, { submission }));
  await store.close();
  const bytes = readFileSync(disk.path);
  // The first page holds the layout and stays whole; everything else becomes rubbish.
  bytes.fill(0xa5, 4096);
  writeFileSync(disk.path, bytes);
  const broken = await disk.open({ newId: () => "x" }).catch((error: unknown) => error);
  expect(broken).toMatchObject({
    failure: { kind: "store", message: expect.stringContaining("is damaged") },
  });
  expect(readFileSync(disk.path)).toEqual(bytes);
});

it("names what is wrong with a file, and nothing when all is well", async ({ expect, disk }) => {
  const store = await disk.open();
  for (let index = 0; index < 200; index += 1) await store.createRun(sampleRun(`r-${index}`));
  expect(await store.inspect()).toEqual([]);
  await store.close();
  const bytes = readFileSync(disk.path);
  bytes.fill(0, bytes.length - 4096);
  writeFileSync(disk.path, bytes);
  const damaged = await disk.open();
  expect(await damaged.inspect()).not.toEqual([]);
});

it("refuses to write after the file was deleted or replaced, instead of losing it silently", async ({
  expect,
  disk,
}) => {
  const store = await disk.open();
  await store.createRun(sampleRun("r-aaa"));
  const aside = join(disk.folder, "aside.db");
  renameSync(disk.path, aside);
  const message = expect.stringContaining("deleted or replaced");
  await expect(store.createRun(sampleRun("r-bbb"))).rejects.toMatchObject({
    failure: { kind: "store", message },
  });
  copyFileSync(aside, disk.path);
  await expect(store.putValue("a", "b")).rejects.toMatchObject({
    failure: { kind: "store", message },
  });
});

it("recognises a restored backup by the same id and a lower epoch", async ({ expect, disk }) => {
  const store = await disk.open();
  await store.takeLock("r-aaa", "a", 0, 0);
  await store.close();
  const backup = join(disk.folder, "backup.db");
  copyFileSync(disk.path, backup);
  const later = await disk.open();
  await later.takeLock("r-aaa", "b", 0, 1);
  await later.close();
  copyFileSync(backup, disk.path);
  const restored = await disk.open();
  expect(restored.storeId).toBe(store.storeId);
  expect((await restored.readLock("r-aaa"))?.epoch).toBe(1);
  await restored.raiseEpoch("r-aaa", 2);
  expect((await restored.takeLock("r-aaa", "c", 1000, 2))?.epoch).toBeGreaterThan(2);
});

it(
  "loses nothing confirmed when a limit stops the file from growing",
  limits,
  async ({ expect, disk }) => {
    const [file, ...words] = childCommand("fill", disk.path, "");
    const limited = `ulimit -f 1200; exec "$0" "$@"`;
    const child = disk.start(["sh", "-c", limited, file, ...words]);
    const [full, kept] = await child.rest();
    expect(full).toMatchObject({
      failure: { kind: "store", retryAfterMs: 5000, hint: expect.stringContaining("ulimit -f") },
    });
    expect(kept).toEqual({ kept: confirmedOf(full) });
  },
);

const canMount = ((): boolean => {
  try {
    execFileSync("unshare", ["-rm", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

it.skipIf(!canMount)(
  "loses nothing confirmed on a full disk, and goes on when there is room again",
  limits,
  async ({ expect, disk }) => {
    const [file, ...words] = childCommand("fill", disk.path, join(disk.folder, "ballast"));
    const mounted = `d=$1; shift; mount -t tmpfs -o size=2m,mode=700 tmpfs "$d" &&
    head -c 1000000 /dev/zero > "$d/ballast" && exec "$@"`;
    const child = disk.start([
      "unshare",
      "-rm",
      "sh",
      "-c",
      mounted,
      "sh",
      disk.folder,
      file,
      ...words,
    ]);
    const [full, kept, after] = await child.rest();
    const confirmed = confirmedOf(full);
    expect(full).toMatchObject({
      failure: { kind: "store", message: expect.stringContaining("no space left") },
    });
    expect(confirmed).toBeGreaterThan(5);
    expect(kept).toEqual({ kept: confirmed });
    expect(after).toEqual({ kept: confirmed + 1 });
  },
);
