import { createHash, randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import type { ExpectStatic } from "vitest";
import { describe, it, vi } from "vitest";
import type { UploadFile } from "@gpujob/spec";
import { scanFolder } from "./scan-folder.ts";
import type { TestHost } from "./testing/test-host.ts";
import { clock, createTestHost, findShell, until } from "./testing/test-host.ts";

// Real processes on a computer that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const { signal } = new AbortController();

function inMemory(path: string, content: Buffer | string, mode = 0o644): UploadFile {
  const data = Buffer.from(content);
  return {
    path,
    bytes: data.length,
    mode,
    mtimeMs: 1_700_000_000_000,
    sha256: createHash("sha256").update(data).digest("hex"),
    open: async function* () {
      yield data;
    },
    openRange: async function* (start, end) {
      for (let at = start; at < end; at += 65_536)
        yield data.subarray(at, Math.min(end, at + 65_536));
    },
  };
}

function work(host: TestHost, path: string, attempt = 1): string {
  return join(host.root, "attempts", `${host.attempt.runId}-${attempt}-0`, "work", path);
}

function spares(host: TestHost): string[] {
  return readdirSync(join(host.root, "spare")).filter((name) => /^\d/.test(name));
}

/** Hashes that the host's store holds. */
function stored(host: TestHost): string[] {
  return readdirSync(join(host.root, "store"))
    .filter((name) => /^\d/.test(name))
    .flatMap((pack) => readFileSync(join(host.root, "store", pack, "hashes"), "utf8").split("\n"))
    .filter((hash) => hash !== "");
}

/** Has the attempt these files, whole? */
function expectWhole(
  expect: ExpectStatic,
  host: TestHost,
  files: readonly UploadFile[],
  attempt: number,
): void {
  for (const file of files.filter(({ link }) => link === undefined)) {
    const found = readFileSync(work(host, file.path, attempt));
    expect(createHash("sha256").update(found).digest("hex")).toBe(file.sha256);
  }
}

for (const shell of ["dash", "busybox"] as const) {
  const { path: shellPath, problem } = findShell(shell);
  describe.skipIf(problem !== undefined).concurrent(`an upload to a host with ${shell}`, () => {
    it("brings names, modes, links and contents over whole", async ({ expect }) => {
      await using host = createTestHost(shell);
      const names = [
        "plain.txt",
        "-rf",
        "deep/er/and deeper/file",
        "new\nline/x\ny",
        "quote ' \" $HOME `id` \\ *",
        `${"d".repeat(120)}/${"f".repeat(200)}`,
        "ünï/コード",
        "empty",
      ];
      const files = [
        ...names.map((name) => inMemory(name, name === "empty" ? "" : `content of ${name}`)),
        inMemory("run.sh", "#!/bin/sh\n", 0o755),
        { ...inMemory("link", "link plain.txt"), bytes: 0, link: "plain.txt" },
      ];
      const report = await host.session.upload(host.attempt, files, { signal });
      expect(report).toMatchObject({ sentFiles: files.length, totalFiles: files.length });
      for (const file of files) {
        const path = work(host, file.path);
        if (file.link !== undefined) expect(readlinkSync(path)).toBe("plain.txt");
        else if (file.path === "empty") expect(statSync(path).size).toBe(0);
        else
          expect(readFileSync(path, "utf8")).toContain(file.path === "run.sh" ? "#!" : file.path);
      }
      expect(statSync(work(host, "run.sh")).mode & 0o777).toBe(0o755);
      expect(statSync(work(host, "plain.txt")).mtimeMs).toBe(1_700_000_000_000);
    });

    it("sends only what no earlier attempt has brought", async ({ expect }) => {
      await using host = createTestHost(shell);
      const files = Array.from({ length: 400 }, (_, at) =>
        inMemory(`d${at % 7}/f${at}`, `file ${at}`),
      );
      await host.session.upload(host.attempt, files, { signal });
      const again = await host.session.upload(host.attempt, files, { signal });
      expect(again).toMatchObject({ sentFiles: 0, sentBytes: 0 });
      const second = { ...host.attempt, attempt: 2 };
      const changed = [
        ...files.slice(1, -1),
        inMemory("d0/f0", "other"),
        // The same content under another name and mode is not sent.
        inMemory("moved", "file 399", 0o755),
      ];
      const report = await host.session.upload(second, changed, { signal });
      expect(report).toMatchObject({ sentFiles: 1, sentBytes: 5 });
      for (const file of changed) {
        const found = readFileSync(work(host, file.path, 2));
        expect(createHash("sha256").update(found).digest("hex")).toBe(file.sha256);
      }
      expect(statSync(work(host, "moved", 2)).mode & 0o777).toBe(0o755);
      expect(readFileSync(work(host, "d0/f0"), "utf8")).toBe("file 0");
    });

    it("takes a work folder made in advance, with nothing in it that is not sent", async ({
      expect,
    }) => {
      await using host = createTestHost(shell);
      const files = Array.from({ length: 600 }, (_, at) =>
        inMemory(`d${at % 7}/f${at}`, `f ${at}`),
      );
      await host.session.upload(host.attempt, files, { signal });
      const [spare] = await until(
        "a spare",
        () => spares(host).length === 1 && spares(host),
        60_000,
      );
      const inode = statSync(join(host.root, "spare", spare ?? "", "work")).ino;
      writeFileSync(work(host, "d0/f0"), "what a job made of it");
      const second = { ...host.attempt, attempt: 2 };
      // Changed, gone, and new; f20 is gone with the only name in its bucket or not.
      const changed = [
        ...files.filter((_, at) => at % 20 !== 0),
        inMemory("d0/f0", "changed"),
        inMemory("new/one", "n"),
      ];
      const report = await host.session.upload(second, changed, { signal });
      expect(report.sentFiles).toBe(2);
      expect(statSync(work(host, "", 2)).ino).toBe(inode);
      const found = readdirSync(work(host, "", 2), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(work(host, "", 2), join(entry.parentPath, entry.name)));
      expect(found.toSorted()).toEqual(changed.map(({ path }) => path).toSorted());
      for (const file of changed) {
        const content = readFileSync(work(host, file.path, 2));
        expect(createHash("sha256").update(content).digest("hex")).toBe(file.sha256);
      }
      const again = await host.session.upload(second, changed, { signal });
      expect(again).toMatchObject({ sentFiles: 0, totalFiles: changed.length });
      // Another project gets a folder of its own.
      const third = { ...host.attempt, attempt: 3 };
      const other = Array.from({ length: 400 }, (_, at) => inMemory(`other${at}`, `o ${at}`));
      await host.session.upload(third, other, { signal });
      expect(readdirSync(work(host, "", 3))).toHaveLength(400);
    });

    it("begins with what the host has by a name that is known here, and asks nothing", async ({
      expect,
    }) => {
      await using host = createTestHost(shell);
      const files = Array.from({ length: 40 }, (_, at) => inMemory(`d${at % 3}/f${at}`, `f ${at}`));
      await host.session.upload(host.attempt, files, { signal });
      await until("the spare", () => spares(host).length === 1, 60_000);
      // Under a new name and mode, changed, gone, and a link; and a file where a folder was.
      const second = { ...host.attempt, attempt: 2 };
      const changed = [
        ...files.slice(1, -6),
        inMemory("copy", "f 39", 0o755),
        inMemory("d0/f0", "changed"),
        { ...inMemory("link", "link copy"), bytes: 0, link: "copy" },
      ];
      const report = await host.session.upload(second, changed, { signal });
      expect(report).toMatchObject({ sentFiles: 2, sentBytes: "changed".length });
      expectWhole(expect, host, changed, 2);
      expect(statSync(work(host, "copy", 2)).mode & 0o777).toBe(0o755);
      expect(readlinkSync(work(host, "link", 2))).toBe("copy");
      // More beside it, and the same again: the work folder's own list goes on from there.
      await host.session.upload(second, [inMemory("step", "7")], { signal, into: "ckpt" });
      const again = await host.session.upload(second, changed, { signal });
      expect(again.sentBytes).toBe(0);
      expectWhole(expect, host, [...changed, inMemory("ckpt/step", "7")], 2);
      await until("the next spare", () => !existsSync(join(host.root, "spare", "maker")), 60_000);
      const third = { ...host.attempt, attempt: 3 };
      const other = [...files.slice(6), inMemory("d0", "a file now")].filter(
        ({ path }) => !path.startsWith("d0/"),
      );
      await host.session.upload(third, other, { signal });
      expectWhole(expect, host, other, 3);
    });

    it("tells all again when another upload took what it would begin with", async ({ expect }) => {
      await using host = createTestHost(shell);
      const files = Array.from({ length: 40 }, (_, at) => inMemory(`f${at}`, `f ${at}`));
      await host.session.upload(host.attempt, files, { signal });
      await until("the spare", () => spares(host).length === 1, 60_000);
      const taken = Promise.withResolvers<readonly UploadFile[]>();
      const second = { ...host.attempt, attempt: 2 };
      const upload = host.session.upload(second, taken.promise, { signal });
      await until("the conversation", () => existsSync(host.control(second)));
      rmSync(join(host.root, "spare"), { recursive: true });
      taken.resolve([...files.slice(1), inMemory("f0", "changed")]);
      expect((await upload).sentFiles).toBeGreaterThan(0);
      expectWhole(expect, host, [...files.slice(1), inMemory("f0", "changed")], 2);
    });

    it("says why there is nothing to send", async ({ expect }) => {
      await using host = createTestHost(shell);
      const files = Promise.reject(new Error("the folder is gone"));
      files.catch(() => undefined);
      await expect(host.session.upload(host.attempt, files, { signal })).rejects.toThrow(
        "the folder is gone",
      );
    });

    it("keeps in its store only what is still what came", async ({ expect }) => {
      await using host = createTestHost(shell);
      const files = Array.from({ length: 20 }, (_, at) => inMemory(`f${at}`, `file ${at}`));
      // A job that is quicker than the store: it writes into its files before they are copied.
      host.addTool(
        "cut",
        `find "${host.root}/attempts" -name f3 -exec sh -c 'echo more >>"$1"' - {} \\;
exec ${shell === "busybox" ? `${shellPath} cut` : "/usr/bin/cut"} "$@"`,
      );
      await host.session.upload(host.attempt, files, { signal });
      await until("the store", () => stored(host).length === 19, 60_000);
      expect(stored(host)).not.toContain(files[3]?.sha256);
      const second = { ...host.attempt, attempt: 2 };
      const report = await host.session.upload(second, files, { signal });
      expect(report.sentFiles).toBe(1);
      expectWhole(expect, host, files.slice(0, 3), 2);
    });

    it("never lets a job change what the next one gets", async ({ expect }) => {
      await using host = createTestHost(shell);
      const file = inMemory("data", "as it was");
      await host.session.upload(host.attempt, [file], { signal });
      writeFileSync(work(host, "data"), "appended", { flag: "a" });
      const second = { ...host.attempt, attempt: 2 };
      await host.session.upload(second, [file], { signal });
      expect(readFileSync(work(host, "data", 2), "utf8")).toBe("as it was");
    });

    it("goes on after the link broke, sending little twice", async ({ expect }) => {
      await using host = createTestHost(shell);
      const big = inMemory("model.bin", randomBytes(24 << 20));
      const small = Array.from({ length: 300 }, (_, at) =>
        inMemory(`s/${at}`, randomBytes(20_000)),
      );
      const files = [big, ...small];
      const total = files.reduce((sum, file) => sum + file.bytes, 0);
      let sent = 0;
      for (const share of [0.01, 0.5, 0.97]) {
        let before = 0;
        const broken = host.session.upload(host.attempt, files, {
          signal,
          onProgress: ({ doneBytes }) => {
            before ||= doneBytes;
            if (doneBytes > total * share) {
              sent += doneBytes - before;
              before = doneBytes;
              host.channel().sever();
            }
          },
        });
        await expect(broken).rejects.toMatchObject({ failure: { kind: "unreachable" } });
      }
      const report = await host.session.upload(host.attempt, files, { signal });
      expect(sent + report.sentBytes).toBeLessThan(total * 1.05);
      const found = readFileSync(work(host, "model.bin"));
      expect(createHash("sha256").update(found).digest("hex")).toBe(big.sha256);
    });

    it("serves another attempt with what a broken upload has left", async ({ expect }) => {
      await using host = createTestHost(shell);
      const files = Array.from({ length: 300 }, (_, at) =>
        inMemory(`s/${at}`, randomBytes(20_000)),
      );
      const total = files.reduce((sum, file) => sum + file.bytes, 0);
      const broken = host.session.upload(host.attempt, files, {
        signal,
        onProgress: ({ doneBytes }) => {
          if (doneBytes > total * 0.9) host.channel().sever();
        },
      });
      await expect(broken).rejects.toMatchObject({ failure: { kind: "unreachable" } });
      const second = { ...host.attempt, attempt: 2 };
      const report = await host.session.upload(second, files, { signal });
      expect(report.sentBytes).toBeLessThan(total * 0.9);
      expectWhole(expect, host, files, 2);
    });

    it("reads a file again that changed under way", async ({ expect }) => {
      await using host = createTestHost(shell);
      const folder = join(host.folder, "project");
      mkdirSync(folder);
      writeFileSync(join(folder, "a"), "first");
      writeFileSync(join(folder, "b"), "stays");
      const { files } = await scanFolder(folder, { clock, signal });
      writeFileSync(join(folder, "a"), "other");
      const report = await host.session.upload(host.attempt, files, { signal });
      expect(report.changed?.map(({ path }) => path)).toEqual(["a"]);
      expect(readFileSync(work(host, "a"), "utf8")).toBe("other");
      expect(readFileSync(work(host, "b"), "utf8")).toBe("stays");
    });

    it("puts files below a folder and refuses to leave the work folder", async ({ expect }) => {
      await using host = createTestHost(shell);
      await host.session.upload(host.attempt, [inMemory("step", "7")], { signal, into: "ckpt/x" });
      expect(readFileSync(work(host, "ckpt/x/step"), "utf8")).toBe("7");
      for (const [path, into] of [
        ["../x", "."],
        ["/etc/x", "."],
        ["x", "../up"],
      ] as const) {
        const upload = host.session.upload(host.attempt, [inMemory(path, "x")], { signal, into });
        await expect(upload).rejects.toMatchObject({ failure: { kind: "spec_invalid" } });
      }
    });
  });
}

describe("an upload to a full disk", () => {
  const canMount = process.getuid?.() === 0;
  it.skipIf(!canMount)("says so before it begins", async ({ expect }) => {
    await using host = createTestHost("dash");
    mkdirSync(host.root);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", host.root]);
    try {
      const upload = host.session.upload(host.attempt, [inMemory("x", randomBytes(6 << 20))], {
        signal,
      });
      await expect(upload).rejects.toMatchObject({ failure: { kind: "host_disk_full" } });
    } finally {
      await until("the file system to be free", () => {
        execFileSync("umount", [host.root]);
        return true;
      });
    }
  });
});
