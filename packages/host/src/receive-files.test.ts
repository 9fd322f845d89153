import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it, vi } from "vitest";
import type { HostFile, HostListing, HostSession } from "@gpujob/spec";
import { receiveFiles } from "./receive-files.ts";
import type { TestHost } from "./testing/test-host.ts";
import { clock, createPlan, createTestHost, findShell } from "./testing/test-host.ts";

// Real processes on a computer that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const { signal } = new AbortController();
const options = { clock, signal };

/** A prepared attempt; gives its work and output folders. */
async function prepare(host: TestHost): Promise<{ work: string; output: string; home: string }> {
  await host.session.prepare(host.attempt, createPlan("true"), { signal });
  const attempt = join(host.control(host.attempt), "..");
  return {
    work: join(attempt, "work"),
    output: join(attempt, "output"),
    home: join(host.folder, "laptop"),
  };
}

/** A session with one method in another form. */
function withMethods(session: HostSession, methods: Partial<HostSession>): HostSession {
  return { ...session, ...methods };
}

for (const shell of ["dash", "busybox"] as const) {
  const { problem } = findShell(shell);
  describe.skipIf(problem !== undefined).concurrent(`outputs of a host with ${shell}`, () => {
    it("come home by globs and from the output folder, whole", async ({ expect }) => {
      await using host = createTestHost(shell);
      const { work, output, home } = await prepare(host);
      mkdirSync(join(work, "adapter/deep"), { recursive: true });
      const big = randomBytes(3 << 20);
      writeFileSync(join(work, "adapter/model.bin"), big);
      for (let at = 0; at < 20; at++) writeFileSync(join(work, `adapter/deep/ä '${at}\\`), `${at}`);
      writeFileSync(join(work, "adapter/empty"), "");
      writeFileSync(join(work, "other"), "stays there");
      writeFileSync(join(output, "metrics.json"), "{}", { mode: 0o755 });
      const selection = { globs: ["adapter/**"], outputFolder: true };
      const listing = await host.session.list(host.attempt, selection, { signal });
      const report = await receiveFiles(host.session, host.attempt, listing, home, options);
      expect(report.files).toHaveLength(23);
      expect(report.skipped).toEqual([]);
      expect(readFileSync(join(home, "adapter/model.bin")).equals(big)).toBe(true);
      expect(readFileSync(join(home, "adapter/deep/ä '7\\"), "utf8")).toBe("7");
      expect(statSync(join(home, "adapter/empty")).size).toBe(0);
      expect(statSync(join(home, "metrics.json")).mode & 0o111).not.toBe(0);
      expect(existsSync(join(home, "other"))).toBe(false);
      expect(existsSync(join(home, ".gpujob-partial"))).toBe(false);
      const again = await receiveFiles(host.session, host.attempt, listing, home, options);
      expect(again).toMatchObject({ receivedBytes: 0, renamed: [] });
    });

    it("with hostile names are skipped or renamed, and named", async ({ expect }) => {
      await using host = createTestHost(shell);
      const { output, home } = await prepare(host);
      const secret = join(host.folder, "secret");
      writeFileSync(secret, "secret");
      symlinkSync(secret, join(output, "link"));
      symlinkSync(host.folder, join(output, "folder-link"));
      linkSync(secret, join(output, "hard"));
      execFileSync("mkfifo", [join(output, "pipe")]);
      writeFileSync(join(output, "new\nline"), "1");
      writeFileSync(join(output, "bell\u0007"), "1");
      writeFileSync(Buffer.from([...Buffer.from(`${output}/`), 0x66, 0xff]), "1");
      writeFileSync(join(output, "A.txt"), "upper");
      writeFileSync(join(output, "a.txt"), "lower");
      writeFileSync(join(output, "con.txt"), "device");
      const selection = { globs: [], outputFolder: true };
      const listing = await host.session.list(host.attempt, selection, { signal });
      const report = await receiveFiles(host.session, host.attempt, listing, home, options);
      const reasons = Object.fromEntries(report.skipped.map(({ path, reason }) => [path, reason]));
      expect(reasons["link"]).toContain("symbolic link");
      expect(reasons["folder-link"]).toContain("symbolic link");
      expect(reasons["pipe"]).toContain("neither a file nor a folder");
      expect(reasons["new?line"]).toContain("newline");
      expect(reasons["bell\u0007"]).toContain("control character");
      expect(report.skipped).toHaveLength(6);
      const names = readdirSync(home)
        .filter((name) => !name.startsWith(".gpujob"))
        .toSorted();
      expect(names).toHaveLength(4);
      expect(names.map((name) => name.toLowerCase())).toEqual(
        expect.arrayContaining(["_con.txt", "a.txt", "a~1.txt", "hard"]),
      );
      expect(report.renamed.map(({ path }) => path)).toContain("con.txt");
    });
  });
}

describe.concurrent("receiveFiles", () => {
  it("goes on where it stopped", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { work, home } = await prepare(host);
    const content = randomBytes(8 << 20);
    writeFileSync(join(work, "model"), content);
    const listing = await host.session.list(host.attempt, { globs: ["model"] }, { signal });
    let asked = 0;
    const breaking = withMethods(host.session, {
      async *read(attempt, file, readOptions) {
        let received = 0;
        for await (const chunk of host.session.read(attempt, file, readOptions)) {
          yield chunk;
          received += chunk.length;
          if (received > 4 << 20) host.channel().sever();
        }
      },
    });
    const broken = receiveFiles(breaking, host.attempt, listing, home, options);
    await expect(broken).rejects.toMatchObject({ failure: { kind: "unreachable" } });
    expect(existsSync(join(home, "model"))).toBe(false);
    const counting = withMethods(host.session, {
      read(attempt, file, readOptions) {
        asked = readOptions.offset ?? 0;
        return host.session.read(attempt, file, readOptions);
      },
    });
    const report = await receiveFiles(counting, host.attempt, listing, home, options);
    expect(asked).toBeGreaterThan(3 << 20);
    expect(report.receivedBytes).toBe(content.length - asked);
    expect(readFileSync(join(home, "model")).equals(content)).toBe(true);
  });

  it("overwrites nothing", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { work, home } = await prepare(host);
    mkdirSync(home);
    writeFileSync(join(home, "a.txt"), "mine");
    writeFileSync(join(work, "a.txt"), "theirs");
    const listing = await host.session.list(host.attempt, { globs: ["*"] }, { signal });
    const report = await receiveFiles(host.session, host.attempt, listing, home, options);
    expect(readFileSync(join(home, "a.txt"), "utf8")).toBe("mine");
    expect(readFileSync(join(home, "a~1.txt"), "utf8")).toBe("theirs");
    expect(report.renamed).toEqual([{ path: "a.txt", localPath: "a~1.txt" }]);
  });

  it("writes nothing outside its folder, whatever a listing says", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { home } = await prepare(host);
    mkdirSync(join(host.folder, "elsewhere"));
    mkdirSync(home);
    symlinkSync(join(host.folder, "elsewhere"), join(home, "way-out"));
    const sha256 = createHash("sha256").update("x").digest("hex");
    const lie = (path: string): HostFile => ({ path, bytes: 1, mode: 0o644, mtimeMs: 0, sha256 });
    const bad = ["../up", "/abs", "a/../../b", "nul\0", "way-out/x"].map(lie);
    const lying = withMethods(host.session, {
      async *read() {
        yield Buffer.from("x");
      },
    });
    delete (lying as { readMany?: unknown }).readMany;
    const listing: HostListing = { files: bad, skipped: [] };
    const report = await receiveFiles(lying, host.attempt, listing, home, options);
    expect(report.files).toEqual([]);
    expect(report.skipped).toHaveLength(5);
    expect(readdirSync(join(host.folder, "elsewhere"))).toEqual([]);
    expect(existsSync(join(host.folder, "up"))).toBe(false);
  });

  it("names a file that changed while it came, and keeps nothing of it", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { work, home } = await prepare(host);
    writeFileSync(join(work, "a"), "before");
    const listing = await host.session.list(host.attempt, { globs: ["a"] }, { signal });
    writeFileSync(join(work, "a"), "after!");
    const report = await receiveFiles(host.session, host.attempt, listing, home, options);
    expect(report.skipped).toMatchObject([
      { path: "a", reason: expect.stringContaining("changed") },
    ]);
    expect(existsSync(join(home, "a"))).toBe(false);
  });

  it("fetches a batch one by one from where a file in it changed", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { work, home } = await prepare(host);
    for (let at = 0; at < 9; at++) writeFileSync(join(work, `f${at}`), `content ${at}`);
    const listing = await host.session.list(host.attempt, { globs: ["f*"] }, { signal });
    writeFileSync(join(work, "f4"), "longer than it was");
    const report = await receiveFiles(host.session, host.attempt, listing, home, options);
    expect(report.skipped.map(({ path }) => path)).toEqual(["f4"]);
    expect(report.files).toHaveLength(8);
    expect(readFileSync(join(home, "f8"), "utf8")).toBe("content 8");
  });

  const canMount = process.getuid?.() === 0;
  it.skipIf(!canMount)("waits while the disk here is full, and goes on", async ({ expect }) => {
    await using host = createTestHost("dash");
    const { work, home } = await prepare(host);
    const content = randomBytes(3 << 20);
    writeFileSync(join(work, "model"), content);
    const listing = await host.session.list(host.attempt, { globs: ["model"] }, { signal });
    mkdirSync(home);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", home]);
    try {
      execFileSync("dd", ["if=/dev/zero", `of=${home}/ballast`, "bs=1M", "count=2"], {
        stdio: "ignore",
      });
      const messages: string[] = [];
      const report = await receiveFiles(host.session, host.attempt, listing, home, {
        signal,
        onPause: (message) => messages.push(message),
        clock: {
          ...clock,
          async sleep(ms, wait) {
            if (ms === 5000) execFileSync("rm", ["-f", `${home}/ballast`]);
            else await clock.sleep(ms, wait);
          },
        },
      });
      expect(messages).toHaveLength(1);
      expect(report.files).toHaveLength(1);
      expect(readFileSync(join(home, "model")).equals(content)).toBe(true);
    } finally {
      execFileSync("umount", ["-l", home]);
    }
  });
});
