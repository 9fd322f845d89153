import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "vitest";
import { createMemoryChannel, localChannel } from "./index.ts";

const wait = { signal: new AbortController().signal };

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("localChannel", () => {
  it("runs in the given folder with the given environment only", async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), "gpujob-channel-"));
    const channel = localChannel({
      cwd: folder,
      env: { PATH: process.env["PATH"], GREETING: "hi" },
    });
    const run = channel.exec(["sh", "-c", 'echo "$GREETING" "$HOME" > made; cat made'], wait);
    run.stderr.resume();
    expect(await text(run.stdout)).toBe("hi \n");
    expect(await run.exit).toEqual({ code: 0 });
    expect(await readFile(join(folder, "made"), "utf8")).toBe("hi \n");
    await rm(folder, { recursive: true });
  });

  it("kills the whole process group on abort and on close, read or unread", async ({ expect }) => {
    const channel = localChannel();
    const stop = new AbortController();
    const script = "sleep 600 & echo $!; wait";
    const aborted = channel.exec(["sh", "-c", script], stop);
    const closed = channel.exec(["sh", "-c", script], wait);
    const pids: number[] = [];
    for (const { stdout } of [aborted, closed]) {
      const line: Buffer = await new Promise((resolve) => stdout.once("data", resolve));
      pids.push(Number(line.toString()));
      stdout.pause();
    }
    stop.abort();
    await expect(aborted.exit).rejects.toMatchObject({ failure: { kind: "aborted" } });
    await channel.close();
    expect(await closed.exit).toEqual({ signal: "SIGKILL" });
    while (pids.some(isAlive)) await new Promise((resolve) => setImmediate(resolve));
    expect(() => channel.exec(["true"], wait)).toThrow("closed");
  });
});

describe("createMemoryChannel", () => {
  it("joins the two ends of each execution", async ({ expect }) => {
    const { channel, calls } = createMemoryChannel(async ({ argv, stdin, stdout }) => {
      stdout.write(`${argv.length} ${await text(stdin)}`);
      return { code: 7 };
    });
    const run = channel.exec(["a", "b c"], wait);
    run.stderr.resume();
    run.stdin.end("input");
    expect(await text(run.stdout)).toBe("2 input");
    expect(await run.exit).toEqual({ code: 7 });
    expect(calls).toEqual([["a", "b c"]]);
  });

  it("is unreachable once cut, and aborted by the caller's signal", async ({ expect }) => {
    const memory = createMemoryChannel(() => new Promise(() => {}));
    const { channel } = memory;
    const stop = new AbortController();
    const stopped = channel.exec(["x"], stop);
    const broken = channel.exec(["x"], wait);
    stop.abort();
    await expect(stopped.exit).rejects.toMatchObject({ failure: { kind: "aborted" } });
    memory.cut();
    await expect(broken.exit).rejects.toMatchObject({ failure: { kind: "unreachable" } });
    const later = channel.exec(["x"], wait);
    await expect(later.exit).rejects.toMatchObject({ failure: { kind: "unreachable" } });
  });
});
