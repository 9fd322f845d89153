import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it, vi } from "vitest";
import type { HostPlan } from "@gpujob/spec";
import type { TestHost } from "./testing/test-host.ts";
import {
  createPlan,
  createTestHost,
  findShell,
  isAlive,
  readLog,
  until,
  untilBeat,
} from "./testing/test-host.ts";

// Real processes on a computer that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const { signal } = new AbortController();

/** Counts in a file as long as it may run. */
const counter = 'n=0; while :; do n=$((n+1)); echo $n >"$GPUJOB_OUTPUT_DIR/n"; sleep 0.1; done';

async function launch(host: TestHost, run: string, changes: Partial<HostPlan> = {}): Promise<void> {
  await host.session.prepare(host.attempt, createPlan(run, changes), { signal });
  await host.session.start(host.attempt, { signal });
}

function count(host: TestHost): number {
  return Number(readFileSync(join(host.control(host.attempt), "../output/n"), "utf8"));
}

/** Is the job truly not going on? Looks twice with time between in which it would. */
async function standsStill(host: TestHost): Promise<boolean> {
  const before = count(host);
  await sleep(600);
  return count(host) === before;
}

const ended = { state: "ended" } as const;
const untilEnded = (host: TestHost) =>
  untilBeat(host.session, host.attempt, (beat) => beat.state === "ended", 40_000);

for (const shell of ["bash", "dash", "busybox"] as const) {
  const { problem } = findShell(shell);
  describe.skipIf(problem !== undefined).concurrent(`the supervisor under ${shell}`, () => {
    it("is started again when it is killed, and adopts the job", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(
        host,
        'echo a; while [ ! -e "$GPUJOB_OUTPUT_DIR/go" ]; do sleep 0.1; done; exit 5',
      );
      const first = host.processOf(host.attempt, "supervisor");
      process.kill(first, "SIGKILL");
      await until("another supervisor", () => {
        const next = host.processOf(host.attempt, "supervisor");
        return next !== first && isAlive(next);
      });
      writeFileSync(join(host.control(host.attempt), "../output/go"), "");
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 5, reason: "exited" } });
    });

    it("starts the guard again when that is killed, and the guard then it", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60");
      const guard = host.processOf(host.attempt, "guard");
      process.kill(guard, "SIGKILL");
      const next = await until("another guard", () => {
        const found = host.processOf(host.attempt, "guard");
        return found !== guard && isAlive(found) && found;
      });
      const supervisor = host.processOf(host.attempt, "supervisor");
      expect(isAlive(supervisor)).toBe(true);
      process.kill(supervisor, "SIGKILL");
      await until("another supervisor", () => {
        const found = host.processOf(host.attempt, "supervisor");
        return found !== supervisor && isAlive(found);
      });
      expect(host.processOf(host.attempt, "guard")).toBe(next);
    });

    it("is brought back by a driver when it and its guard are killed", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, 'while [ ! -e "$GPUJOB_OUTPUT_DIR/go" ]; do sleep 0.1; done; exit 4');
      for (const name of ["guard", "supervisor"]) {
        process.kill(host.processOf(host.attempt, name), "SIGKILL");
      }
      writeFileSync(join(host.control(host.attempt), "../output/go"), "");
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 4, reason: "exited" } });
    });

    it("says unknown, never success, when nobody waited for the job", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, 'while [ ! -e "$GPUJOB_OUTPUT_DIR/go" ]; do sleep 0.1; done; exit 0');
      process.kill(host.processOf(host.attempt, "runner"), "SIGKILL");
      writeFileSync(join(host.control(host.attempt), "../output/go"), "");
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 255, reason: "unknown" } });
    });

    it("rests without a program of its own, where its shell can", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60");
      const supervisor = host.processOf(host.attempt, "supervisor");
      const children = (): string =>
        readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, "utf8");
      // Now and then it starts one all the same, for the free space; while it rests, dash always has one.
      const looks: string[] = [];
      await until("many looks", () => looks.push(children()) >= 20);
      const alone = looks.filter((look) => look === "").length;
      expect(alone > 10).toBe(shell !== "dash");
    });

    it("does not believe half an exit file", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60");
      writeFileSync(join(host.control(host.attempt), "exit"), "0 exited 1 2 0");
      expect((await host.session.readBeat(host.attempt, { signal })).state).not.toBe("ended");
    });

    it("freezes a job whose tether expired, and thaws only for the nonce", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, counter, { tether: { kind: "short", lengthMs: 2500 } });
      await until("counting", () => count(host) > 2);
      const frozen = await untilBeat(host.session, host.attempt, (beat) => beat.state === "frozen");
      expect(await standsStill(host)).toBe(true);
      const later = frozen.uptimeMs + 600_000;
      await host.session.renew(host.attempt, later, { signal });
      await host.session.thaw(
        host.attempt,
        { nonce: "wrong", validUntilUptimeMs: later },
        { signal },
      );
      expect(await standsStill(host)).toBe(true);
      const nonce = frozen.nonce ?? "";
      const past = { nonce, validUntilUptimeMs: frozen.uptimeMs - 1 };
      expect((await host.session.thaw(host.attempt, past, { signal })).state).toBe("frozen");
      const thawed = await host.session.thaw(
        host.attempt,
        { nonce, validUntilUptimeMs: later },
        { signal },
      );
      expect(thawed.state).toBe("running");
      const before = count(host);
      await until("counting again", () => count(host) > before);
    });

    it("keeps a job going while its tether is renewed", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, counter, { tether: { kind: "short", lengthMs: 6000 } });
      const first = await host.session.readBeat(host.attempt, { signal });
      let beat = first;
      while (beat.uptimeMs < first.uptimeMs + 8000) {
        expect(beat.state).not.toBe("frozen");
        await host.session.renew(host.attempt, beat.uptimeMs + 60_000, { signal });
        // An older promise that comes late changes nothing.
        await host.session.renew(host.attempt, beat.uptimeMs + 10, { signal });
        await sleep(800);
        beat = await host.session.readBeat(host.attempt, { signal });
      }
    });

    it("gives a job that is being stopped no longer than its short tether", async ({ expect }) => {
      await using host = createTestHost(shell);
      const stubborn = `trap '' TERM; ${counter}`;
      await launch(host, stubborn, { tether: { kind: "short", lengthMs: 3000 }, graceMs: 600_000 });
      await until("counting", () => count(host) > 2);
      const stop = { graceMs: 600_000, reason: "stopped" } as const;
      await host.session.stop(host.attempt, stop, { signal });
      // A replacement may start once the tether has run out: the rest of the grace is not waited for.
      expect(await untilEnded(host)).toMatchObject({ exit: { reason: "stopped" } });
      expect(await standsStill(host)).toBe(true);
    });

    it("ends a job whose long tether expired", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "trap 'echo saved; exit 9' TERM; while :; do sleep 0.1 || :; done", {
        tether: { kind: "long", lengthMs: 1500 },
      });
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 9, reason: "tether" } });
      expect(readLog(host, host.attempt)).toContain("saved\n");
    });

    it("calls the time limit the reason where the tether has passed too", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60", {
        tether: { kind: "long", lengthMs: 6000 },
        timeLimitMs: 6000,
        graceMs: 500,
      });
      // It looks again when both are over.
      const [pid] = readFileSync(join(host.control(host.attempt), "supervisor"), "utf8").split(" ");
      process.kill(Number(pid), "SIGSTOP");
      const read = (path: string): number => Number(readFileSync(path, "utf8").split(" ")[0]);
      const ends = ["tether", "deadline"].map((name) =>
        read(join(host.control(host.attempt), name)),
      );
      await until("both ends", () => read("/proc/uptime") * 1000 > Math.max(...ends));
      process.kill(Number(pid), "SIGCONT");
      expect(await untilEnded(host)).toMatchObject({ exit: { reason: "time-limit" } });
    });

    it("leaves nothing alive of a job that does all it can to stay", async ({ expect }) => {
      await using host = createTestHost(shell);
      const stubborn = "trap '' TERM HUP INT; while :; do sleep 0.2; done";
      const run = [
        `(setsid sh -c "${stubborn}" & ) ; (sh -c "(${stubborn}) &") ; sh -c "${stubborn}" &`,
        "echo started; trap '' TERM; while :; do sleep 0.2; done",
      ].join("\n");
      await launch(host, run, { graceMs: 1000 });
      await until("the start", () => readLog(host, host.attempt) === "started\n");
      await host.session.stop(host.attempt, { graceMs: 1000, reason: "stopped" }, { signal });
      expect(await untilEnded(host)).toMatchObject({ exit: { reason: "stopped" } });
      expect(host.marked(host.attempt)).toEqual([]);
    });

    it("lets the program in front save, and starts nothing after it", async ({ expect }) => {
      await using host = createTestHost(shell);
      const save =
        "trap 'sleep 0.5; echo saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
      await launch(host, `sh -c "${save}"\necho next`, { graceMs: 20_000 });
      await until("the program", () => readLog(host, host.attempt) === "ready\n");
      await host.session.stop(host.attempt, { graceMs: 20_000, reason: "stopped" }, { signal });
      expect(await untilEnded(host)).toMatchObject({ ...ended, exit: { reason: "stopped" } });
      expect(readLog(host, host.attempt)).not.toContain("next");
      expect(readLog(host, host.attempt)).toContain("saved\n");
    });

    it("signals the program for a checkpoint and lets it go on", async ({ expect }) => {
      await using host = createTestHost(shell);
      const run = `sh -c "trap 'echo saved' USR1; while [ ! -e stop ]; do sleep 0.1; done; echo over"`;
      await launch(host, run);
      await until("the program", () => host.marked(host.attempt).length > 1);
      await until("the save", async () => {
        await host.session.signal(host.attempt, "SIGUSR1", { signal });
        return readLog(host, host.attempt).includes("saved");
      });
      writeFileSync(join(host.control(host.attempt), "../work/stop"), "");
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 0, reason: "exited" } });
    });

    it("keeps the time limit with no driver at all", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60", { timeLimitMs: 1500, graceMs: 500 });
      await until("the end", () => existsSync(join(host.control(host.attempt), "exit")));
      expect(await untilEnded(host)).toMatchObject({ exit: { reason: "time-limit" } });
    });

    it("ends a job that no driver asks about any more", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60", { orphanMs: 1500, graceMs: 500 });
      await until("the end", () => existsSync(join(host.control(host.attempt), "exit")));
      expect(await untilEnded(host)).toMatchObject({ exit: { reason: "orphaned" } });
    });

    it("ends a silent job after its idle time, and says what it was doing", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "echo a; sleep 60", { idleMs: 1500, graceMs: 500 });
      expect(await untilEnded(host)).toMatchObject({ exit: { reason: "idle" } });
      const stacks = join(host.control(host.attempt), "../output/gpujob-stacks.txt");
      expect(readFileSync(stacks, "utf8")).toContain("sleep");
    });

    it("moves its limits when it is told to", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60", { graceMs: 500 });
      await host.session.setLimits(host.attempt, { timeLimitMs: 500 }, { signal });
      expect(await untilEnded(host)).toMatchObject({ exit: { reason: "time-limit" } });
    });

    it("refuses an older driver", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60");
      await host.session.readBeat({ ...host.attempt, epoch: 3 }, { signal });
      for (const call of [
        () => host.session.readBeat(host.attempt, { signal }),
        () => host.session.renew({ ...host.attempt, epoch: 2 }, 1, { signal }),
        () => host.session.stop(host.attempt, { graceMs: 0, reason: "stopped" }, { signal }),
      ]) {
        await expect(call()).rejects.toMatchObject({ failure: { kind: "forbidden" } });
      }
      expect((await host.session.readBeat({ ...host.attempt, epoch: 3 }, { signal })).state).toBe(
        "running",
      );
    });

    it("never starts what was stopped before its start", async ({ expect }) => {
      await using host = createTestHost(shell);
      await host.session.prepare(host.attempt, createPlan("echo never"), { signal });
      await host.session.stop(host.attempt, { graceMs: 0, reason: "stopped" }, { signal });
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 130, reason: "stopped" } });
      await host.session.start(host.attempt, { signal });
      expect(readLog(host, host.attempt)).toBe("");
    });

    it("waits after setup where it is told to", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "echo run", { setup: "echo setup", holdAfterSetup: true });
      const beat = await untilBeat(host.session, host.attempt, ({ isSetUp }) => isSetUp === true);
      expect(beat.state).toBe("setup");
      expect(readLog(host, host.attempt)).toBe("setup\n");
      await host.session.proceed?.(host.attempt, { signal });
      await untilEnded(host);
      expect(readLog(host, host.attempt)).toBe("setup\nrun\n");
    });

    it("knows a reboot and starts nothing on its own after it", async ({ expect }) => {
      await using host = createTestHost(shell);
      await host.session.prepare(host.attempt, createPlan("echo never"), { signal });
      writeFileSync(join(host.control(host.attempt), "boot"), "another-boot\n");
      await host.session.start(host.attempt, { signal });
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 255, reason: "rebooted" } });
      expect(readLog(host, host.attempt)).toBe("");
    });

    it("powers off only where the plan says that this ends the bill", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "exit 0", { powerOff: "ends", holdMs: 1000 });
      await until("power off", () => host.read("power") === "shutdown -h now\n");
      const other = { ...host.attempt, attempt: 2 };
      await host.session.prepare(other, createPlan("exit 0", { holdMs: 0 }), { signal });
      await host.session.start(other, { signal });
      await until("the end", () => existsSync(join(host.control(other), "over")));
      expect(host.read("power")).toBe("shutdown -h now\n");
    });

    it("freezes first when the clocks show that the machine stood still", async ({ expect }) => {
      using clocks = createClocks();
      await using host = createTestHost(shell, { GPUJOB_CLOCKS: clocks.folder });
      await launch(host, counter, { tether: { kind: "short", lengthMs: 60_000 } });
      await until("counting", () => count(host) > 2);
      await sleep(1500);
      clocks.set(100, 1000 + 60);
      await untilBeat(host.session, host.attempt, (beat) => beat.state === "frozen");
      expect(await standsStill(host)).toBe(true);
    });

    it("tells lack of memory and a lost card by the kernel's log", async ({ expect }) => {
      await using host = createTestHost(shell);
      const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) + 5;
      const lines = [
        "[    1.000000] NVRM: Xid (PCI:0000:01:00): 48, pid=1, an old one",
        `[${uptime.toFixed(6)}] NVRM: Xid (PCI:0000:01:00): 31, pid=2, Ch 1`,
        `[${uptime.toFixed(6)}] NVRM: Xid (PCI:0000:01:00): 79, pid=2, GPU has fallen off the bus.`,
        `[${uptime.toFixed(6)}] Out of memory: Killed process 12 (python)`,
      ];
      host.addTool("dmesg", `cat <<'END'\n${lines.join("\n")}\nEND`);
      await launch(host, "kill -9 $$");
      const beat = await untilEnded(host);
      expect(beat.exit).toMatchObject({ code: 137, reason: "out-of-memory", xid: 79 });
    });

    it("ends by itself when its folder is taken away under it", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60");
      const processes = ["supervisor", "guard"].map((name) => host.processOf(host.attempt, name));
      // Where a file vanishes under it, it stops half-way and says nothing.
      await until("an empty place", () => {
        rmSync(host.root, { recursive: true, force: true, maxRetries: 5 });
        return !existsSync(host.root);
      });
      await until("the end of all", () => !processes.some(isAlive));
      expect(existsSync(host.root)).toBe(false);
    });

    it("ends all of an attempt and removes its folder", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60");
      await host.session.end(host.attempt, { signal, remove: true });
      expect(host.marked(host.attempt)).toEqual([]);
      expect(existsSync(host.control(host.attempt))).toBe(false);
      expect((await host.session.readBeat(host.attempt, { signal })).state).toBe("absent");
    });

    it("runs commands beside the job, in its folder and environment", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60", { environment: { GREETING: "a b" } });
      const argv = ["sh", "-c", 'echo "$GREETING|$1|$GPUJOB_ATTEMPT"; pwd; exit 3', "x", "*'\""];
      const execution = host.session.exec(host.attempt, argv, { signal });
      execution.stdin.end();
      const output = await execution.stdout.setEncoding("utf8").toArray();
      expect(output.join("")).toBe(`a b|*'"|1\n${join(host.control(host.attempt), "../work")}\n`);
      expect(await execution.exit).toEqual({ code: 3 });
    });
  });
}

describe.skipIf(process.getuid?.() !== 0).concurrent("a full disk", () => {
  /** A host whose folder is a small file system of its own. */
  async function onSmallDisk(
    use: (host: TestHost) => Promise<void>,
    {
      size = "size=6m",
      shell = "dash",
    }: { readonly size?: string; readonly shell?: "dash" | "busybox" } = {},
  ): Promise<void> {
    await using host = createTestHost(shell);
    mkdirSync(host.root);
    execFileSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", host.root]);
    try {
      await use(host);
    } finally {
      execFileSync("umount", ["-l", host.root]);
    }
  }

  it("ends a job that fails by it, with the reason", async ({ expect }) => {
    await onSmallDisk(async (host) => {
      await launch(host, "cat /dev/zero >big");
      expect(await untilEnded(host)).toMatchObject({ exit: { code: 1, reason: "disk-full" } });
    });
  });

  it("ends a job whose log fills it, and the log still ends well", async ({ expect }) => {
    await onSmallDisk(async (host) => {
      await launch(host, "cat /dev/zero");
      const beat = await untilEnded(host);
      expect(beat.exit?.reason).toBe("disk-full");
      expect(beat.logBytes).toBe(Buffer.byteLength(readLog(host, host.attempt)));
    });
  });

  it("without inodes ends a job that fails by it, with the reason", async ({ expect }) => {
    await onSmallDisk(
      async (host) => {
        await launch(host, "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo >f$i || exit 6; done");
        expect(await untilEnded(host)).toMatchObject({ exit: { code: 6, reason: "disk-full" } });
      },
      { size: "size=6m,nr_inodes=800" },
    );
  });

  for (const shell of ["dash", "busybox"] as const) {
    const { problem } = findShell(shell);
    it.skipIf(problem !== undefined)(
      `that turns read-only ends the job, and the beats say so (${shell})`,
      async ({ expect }) => {
        await onSmallDisk(
          async (host) => {
            await launch(host, "echo begun; while :; do sleep 0.2; done");
            await untilBeat(host.session, host.attempt, (beat) => beat.logBytes > 0);
            // What is open for writing forbids a plain remount; the kernel's own, after an error, asks nobody.
            execFileSync("mount", ["--bind", host.root, host.root]);
            execFileSync("mount", ["-o", "remount,bind,ro", host.root]);
            const beat = await untilEnded(host);
            execFileSync("umount", ["-l", host.root]);
            expect(beat).toMatchObject({ logBytes: 6, exit: { code: 255, reason: "disk-full" } });
          },
          { shell },
        );
      },
    );
  }
});

/** Fake clocks: a folder in the place of /proc. */
function createClocks(): Disposable & {
  readonly folder: string;
  readonly set: (uptime: number, wall: number) => void;
} {
  const folder = mkdtempSync(join(tmpdir(), "gj-clocks-"));
  const set = (uptime: number, wall: number): void => {
    writeFileSync(join(folder, "wall"), `${wall}\n`);
    writeFileSync(join(folder, "uptime"), `${uptime.toFixed(2)} 1.00\n`);
  };
  set(100, 1000);
  return { folder, set, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}
