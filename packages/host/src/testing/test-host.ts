import { randomBytes } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, HostAttempt, HostBeat, HostPlan, HostSession } from "@gpujob/spec";
import { openHost } from "../session.ts";
import type { LocalChannel } from "./local-channel.ts";
import { openLocalChannel } from "./local-channel.ts";

/** The real clock. */
export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, { signal }) => sleep(ms, undefined, { signal, ref: false }),
};

/** A machine made of a folder on this one, whose `sh` is the chosen shell. */
export interface TestHost {
  readonly folder: string;
  readonly root: string;
  readonly session: HostSession;
  /** An attempt of a run of this host's own, driven in epoch 1. Marks reach over the whole computer. */
  readonly attempt: HostAttempt;
  /** The channel in use, to break it. */
  readonly channel: () => LocalChannel;
  readonly control: (attempt: HostAttempt) => string;
  readonly read: (path: string) => string;
  /** Number of the process that a record file names. */
  readonly processOf: (attempt: HostAttempt, name: string) => number;
  readonly openSession: () => HostSession;
  /** Puts a program of that name before the computer's own. */
  readonly addTool: (name: string, script: string) => void;
  /** Live processes that carry the attempt's mark. */
  readonly marked: (attempt: HostAttempt) => number[];
  [Symbol.asyncDispose](): Promise<void>;
}

export type ShellName = "dash" | "bash" | "busybox";

/** Which shells this computer has; the reason for each it has not. */
export function findShell(name: ShellName): { path?: string; problem?: string } {
  const found = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
  const path = found.stdout.trim();
  return path === "" ? { problem: `${name} is not installed here` } : { path };
}

/** Makes a test host; everything started on it dies with it. */
export function createTestHost(
  shell: ShellName = "dash",
  environment: NodeJS.ProcessEnv = {},
): TestHost {
  const folder = mkdtempSync(join(tmpdir(), `gj-host-`));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  mkdirSync(join(folder, "home"));
  const path = installShell(shell, bin);
  // A test must never be able to end the computer it runs on.
  for (const tool of ["shutdown", "poweroff", "systemctl", "halt", "reboot", "sudo"]) {
    rmSync(join(bin, tool), { force: true });
    writeFileSync(join(bin, tool), `#!/bin/sh\necho ${tool} "$@" >>${folder}/power\n`, {
      mode: 0o755,
    });
  }
  const environmentOfHost = { PATH: path, HOME: join(folder, "home"), ...environment };
  let channel = openLocalChannel(environmentOfHost);
  const root = join(folder, "root");
  const openSession = (): HostSession =>
    openHost(
      async () => {
        channel = openLocalChannel(environmentOfHost);
        return channel;
      },
      { root, clock, newId: () => "abcdefghijkl", knownTrees: join(folder, "known-trees") },
    );
  const session = openSession();
  const runId = `r-${randomBytes(4).toString("hex")}`;
  const control = (attempt: HostAttempt): string =>
    join(root, "attempts", `${attempt.runId}-${attempt.attempt}-${attempt.rank}`, "control");
  return {
    folder,
    root,
    session,
    attempt: { runId, attempt: 1, rank: 0, epoch: 1 },
    openSession,
    channel: () => channel,
    control,
    read: (name) => readFileSync(join(folder, name), "utf8"),
    processOf: (attempt, name) =>
      Number(readFileSync(join(control(attempt), name), "utf8").split(" ")[0]),
    addTool: (name, script) => {
      rmSync(join(bin, name), { force: true });
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    },
    marked: (attempt) =>
      findProcesses((_, environ) =>
        environ.includes(`GPUJOB_MARK=${attempt.runId}-${attempt.attempt}-${attempt.rank}`),
      ).filter(isAlive),
    async [Symbol.asyncDispose]() {
      await session.close();
      // Twice: a guard may just be starting a supervisor.
      for (let round = 0; round < 3; round++) {
        killThoseIn(folder);
        await sleep(20);
      }
      removeCgroups(folder);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * `PATH` of the host. busybox: nothing but that; dash: the computer's own tools without bash, which a supervisor would
 * become; bash: the computer as it is.
 */
function installShell(shell: ShellName, bin: string): string {
  const { path } = findShell(shell);
  const search = process.env["PATH"] ?? "";
  if (path === undefined || shell === "bash") return `${bin}:${search}`;
  if (shell === "busybox") {
    execFileSync(path, ["--install", "-s", bin]);
    return bin;
  }
  symlinkSync(path, join(bin, "sh"));
  for (const folder of search.split(":").filter((name) => existsSync(name))) {
    for (const tool of readdirSync(folder)) {
      const link = join(bin, tool);
      if (tool !== "bash" && !existsSync(link)) symlinkSync(join(folder, tool), link);
    }
  }
  return bin;
}

/** A supervisor that was killed leaves the control group of its job behind. */
function removeCgroups(folder: string): void {
  const attempts = join(folder, "root", "attempts");
  for (const name of existsSync(attempts) ? readdirSync(attempts) : []) {
    try {
      rmdirSync(readFileSync(join(attempts, name, "control", "cgroup"), "utf8").trim());
    } catch {
      // There is none, or it is gone already.
    }
  }
}

/** Ends every process whose command line or environment names the test's own folder. */
function killThoseIn(folder: string): void {
  for (const pid of findProcesses((...texts) => texts.some((text) => text.includes(folder)))) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone already.
    }
  }
}

function findProcesses(matches: (command: string, environ: string) => boolean): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => {
      try {
        const command = readFileSync(`/proc/${entry}/cmdline`, "latin1");
        return matches(command, readFileSync(`/proc/${entry}/environ`, "latin1"));
      } catch {
        // Gone, or not ours.
        return false;
      }
    })
    .map(Number);
}

/** Does the process run, and is it more than a zombie? */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** The log as it is on the machine. */
export function readLog(host: TestHost, of: HostAttempt): string {
  try {
    return readFileSync(join(host.control(of), "log"), "utf8");
  } catch {
    return "";
  }
}

/** A plan for `run`, with limits far away. */
export function createPlan(run: string, changes: Partial<HostPlan> = {}): HostPlan {
  return {
    run,
    environment: {},
    secrets: {},
    isResumed: false,
    stopSignal: "SIGTERM",
    graceMs: 2000,
    timeLimitMs: 600_000,
    orphanMs: 600_000,
    logLimitBytes: 1 << 30,
    tether: { kind: "long", lengthMs: 600_000 },
    powerOff: "none",
    holdMs: 0,
    ...changes,
  };
}

/** Waits until a condition holds, looking often; fails with `what` after the time. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 20_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await sleep(25);
  }
}

/** Waits for a beat in which something holds. */
export function untilBeat(
  session: HostSession,
  of: HostAttempt,
  holds: (beat: HostBeat) => boolean,
  ms?: number,
): Promise<HostBeat> {
  const { signal } = new AbortController();
  return until(
    "a beat",
    async () => {
      const beat = await session.readBeat(of, { signal });
      return holds(beat) && beat;
    },
    ms,
  );
}
