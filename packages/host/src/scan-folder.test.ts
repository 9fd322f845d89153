import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "vitest";
import type { ScanOptions } from "./scan-folder.ts";
import { scanFolder } from "./scan-folder.ts";
import { clock } from "./testing/test-host.ts";

const { signal } = new AbortController();
const options: ScanOptions = { clock, signal };

function createFolder(
  files: Readonly<Record<string, string>>,
  git = false,
): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "gj-scan-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  if (git) execFileSync("git", ["init", "-q"], { cwd: path });
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const paths = (files: readonly { readonly path: string }[]): string[] =>
  files.map(({ path }) => path);

describe("scanFolder", () => {
  it("takes what git would, new files too, and what .gpujobignore leaves", async ({ expect }) => {
    const files = { "a.py": "a", "sub/b.py": "b", "c.log": "c", "d.tmp": "d" };
    using folder = createFolder(
      { ...files, ".gitignore": "*.log\n", ".gpujobignore": "*.tmp\n" },
      true,
    );
    const scan = await scanFolder(folder.path, options);
    expect(paths(scan.files)).toEqual([".gitignore", ".gpujobignore", "a.py", "sub/b.py"]);
    expect(scan.files[2]).toMatchObject({
      bytes: 1,
      sha256: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    });
  });

  it("walks a folder without git, and leaves git's own folder out", async ({ expect }) => {
    using folder = createFolder({ "x/y/z": "1", ".git/HEAD": "no", w: "2" });
    expect(paths((await scanFolder(folder.path, options)).files)).toEqual(["w", "x/y/z"]);
  });

  it("never sends outputs that came home", async ({ expect }) => {
    using folder = createFolder({
      a: "1",
      "outputs/r-1/.gpujob-outputs": "",
      "outputs/r-1/m": "2",
    });
    expect(paths((await scanFolder(folder.path, options)).files)).toEqual(["a"]);
  });

  it("does not even open what lies in folders of ours", async ({ expect }) => {
    using folder = createFolder({ a: "1", "state/store": "", "stateful/b": "2" });
    // Reading it would take hours.
    truncateSync(join(folder.path, "state/store"), 2 ** 40);
    const never = [join(folder.path, "state")];
    const scan = await scanFolder(folder.path, {
      ...options,
      never,
      signal: AbortSignal.timeout(20_000),
    });
    expect(paths(scan.files)).toEqual(["a", "stateful/b"]);
    const all = await scanFolder(folder.path, { ...options, never: [folder.path] });
    expect(all.files).toEqual([]);
  });

  it("keeps links that stay inside and names those that leave", async ({ expect }) => {
    using folder = createFolder({ "d/a": "1" });
    symlinkSync("d/a", join(folder.path, "in"));
    symlinkSync(join(folder.path, "d"), join(folder.path, "absolute"));
    symlinkSync("/etc/passwd", join(folder.path, "out"));
    symlinkSync("../..", join(folder.path, "d/up"));
    const scan = await scanFolder(folder.path, options);
    expect(scan.files.filter(({ link }) => link !== undefined)).toMatchObject([
      { path: "absolute", link: "d", bytes: 0 },
      { path: "in", link: "d/a" },
    ]);
    expect(paths(scan.skipped).toSorted()).toEqual(["d/up", "out"]);
  });

  it("names what has no valid name, and takes a newline", async ({ expect }) => {
    using folder = createFolder({ "new\nline": "1" });
    writeFileSync(Buffer.from([...Buffer.from(`${folder.path}/`), 0x66, 0xff]), "2");
    const scan = await scanFolder(folder.path, options);
    expect(paths(scan.files)).toEqual(["new\nline"]);
    expect(scan.skipped).toMatchObject([{ reason: "its name is not valid UTF-8" }]);
  });

  it("says which large files are not sent because git ignores them", async ({ expect }) => {
    const large = "x".repeat(11 << 20);
    using folder = createFolder(
      { ".gitignore": "data/\n*.bin\n", "data/t": large, "s.bin": "1" },
      true,
    );
    expect((await scanFolder(folder.path, options)).ignoredLarge).toEqual([
      { path: "data/", bytes: 11 << 20 },
    ]);
  });

  it("reads a file again only when its size or times changed", async ({ expect }) => {
    using folder = createFolder({ "files/a": "old" });
    const statCachePath = join(folder.path, "cache.json");
    const scan = async (): Promise<string | undefined> =>
      (await scanFolder(join(folder.path, "files"), { ...options, statCachePath })).files[0]
        ?.sha256;
    const past = new Date(Date.now() - 100_000);
    const path = join(folder.path, "files/a");
    utimesSync(path, past, past);
    // The change time is now: too young to be trusted, so the content is read anew.
    const first = await scan();
    writeFileSync(path, "new");
    utimesSync(path, past, past);
    expect(await scan()).not.toBe(first);
    const later = { ...clock, now: () => Date.now() + 60_000 };
    const cached = { clock: later, signal, statCachePath };
    const known = await scanFolder(join(folder.path, "files"), cached);
    const again = await scanFolder(join(folder.path, "files"), cached);
    expect(again.files[0]?.sha256).toBe(known.files[0]?.sha256);
  });

  it("fails to open a file that is no longer what it was", async ({ expect }) => {
    using folder = createFolder({ a: "old" });
    const [file] = (await scanFolder(folder.path, options)).files;
    writeFileSync(join(folder.path, "a"), "new");
    const read = async (): Promise<void> => {
      for await (const chunk of file?.open() ?? []) expect(chunk.length).toBe(3);
    };
    await expect(read()).rejects.toThrow(/changed while it was read/);
    expect((await file?.reread?.())?.sha256).not.toBe(file?.sha256);
  });

  it("refuses what is no folder", async ({ expect }) => {
    await expect(scanFolder("/dev/null", options)).rejects.toMatchObject({
      failure: { kind: "spec_invalid" },
    });
  });
});
