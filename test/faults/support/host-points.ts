import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { generateKeyPair } from "@gpujob/ssh";
import { startSshHost } from "../../support/ssh-hosts.ts";
import type { SshHost } from "../../support/ssh-hosts.ts";
import { forEachOf, makeFaultHome, until } from "./fault-home.ts";
import type { FaultHome } from "./fault-home.ts";

/** A real OpenSSH host on which drivers are killed, and the key that opens it. */
export interface KillHost {
  readonly host: SshHost;
  readonly privateKey: string;
}

/** What one trial on a host showed. */
export interface HostTrial {
  readonly crashes: readonly string[];
  /** How many of the drivers were killed. */
  readonly killed: number;
  /** Points that the first and the second driver passed. */
  readonly passed: readonly (readonly string[])[];
  /** What must be the same whoever was killed; `alive` counts processes of the run that are left on the host. */
  readonly end: {
    readonly state: string;
    readonly exitCode: number | null;
    readonly attempts: number;
    readonly starts: string;
    readonly log: string;
    readonly alive: string;
  };
}

const job = `name: points
workdir: .
run: |
  echo started >> "$GPUJOB_OUTPUT_DIR/starts"
  echo one; sleep 1; echo two
  exit 3
`;

/** Starts a host for `runHostTrial`; remove it with `removeTestContainers`. */
export async function startKillHost(): Promise<KillHost> {
  const { publicKey, privateKey } = await generateKeyPair();
  const users = [{ name: "student", authorizedKey: publicKey }];
  return { host: await startSshHost({ image: "busybox", users }), privateKey };
}

/** Runs a job on the host; the n-th driver is killed at the n-th point, and the last one lives. */
export async function runHostTrial(on: KillHost, crashes: readonly string[]): Promise<HostTrial> {
  const home = await makeFaultHome({ config: "", jobs: { "job.yaml": job } });
  try {
    const { host, privateKey } = on;
    const login = `ssh: "student@${host.host}:${host.port}", key: ${join(home.home, "key")}`;
    const config = `platforms:\n  lab: { adapter: ssh-host, hosts: [{ ${login}, hostKey: "${host.hostKeyFingerprint}" }] }\ntimeouts: { offers: 30s }\n`;
    await writeFile(join(home.home, "key"), privateKey, { mode: 0o600 });
    await writeFile(join(home.home, "state", "config.yaml"), config, { mode: 0o600 });
    return await play(home, host, crashes);
  } finally {
    await home.remove();
  }
}

async function play(
  home: FaultHome,
  host: SshHost,
  crashes: readonly string[],
): Promise<HostTrial> {
  const logOf = (index: number): string => join(home.truth, `passed-${index}`);
  const orders = (index: number): Readonly<Record<string, string>> => ({
    GPUJOB_CRASH_LOG: logOf(index),
    ...(crashes[index] === undefined ? {} : { GPUJOB_CRASH_AT: crashes[index] }),
  });
  const { signal, err } = await home.run(["submit", "job.yaml", "-y"], orders(0));
  let killed = signal === "SIGKILL" ? 1 : 0;
  const runs = await home.look((gpujob) => gpujob.listRuns({ all: true }));
  if (runs.length === 0) throw new Error(`there is no run: ${err}`);
  if (crashes.length > 1 && killed === 1) {
    await home.run(["ps"], orders(1));
    await until("the second driver is killed or done", () =>
      home.look(async (gpujob) => {
        const { driver, endedAt } = await gpujob.showRun(undefined);
        return endedAt !== null || driver?.alive === false;
      }),
    );
    if ((await readPoints(logOf(1))).at(-1) === crashes[1]) killed += 1;
  }
  await home.run(["ps"], crashes.length > 1 ? {} : orders(1));
  // A host knows no tokens: what may have been made is looked for through three minutes before it counts as not made.
  const { code } = await home.start(["wait", "--timeout", "300s"], {}, 330_000).result;
  if (code === 124) throw new Error("the run does not end");
  const run = await home.look((gpujob) => gpujob.showRun(undefined));
  const marker = `grep -l GPUJOB_RUN_ID=${run.id} /proc/[0-9]*/environ 2>/dev/null | wc -l`;
  const [{ out: log }, alive, starts] = await Promise.all([
    home.run(["logs"]),
    host.exec(["sh", "-c", marker]),
    readFile(join(home.cwd, "outputs", run.id, "starts"), "utf8").catch(() => ""),
  ]);
  return {
    crashes,
    killed,
    passed: await Promise.all([0, 1].map((index) => readPoints(logOf(index)))),
    end: {
      state: run.state,
      exitCode: run.exitCode,
      attempts: run.attempts.length,
      starts,
      log,
      alive: alive.stdout.trim(),
    },
  };
}

async function readPoints(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

/** A trial, or why there was none, against the undisturbed one, in one line. */
export interface HostVerdict {
  readonly line: string;
  readonly isGood: boolean;
  readonly trial?: HostTrial;
}

/** Plays each list of points, one after the other: a host without cards takes one job at a time. */
export async function playHostOrders(
  on: KillHost,
  orders: readonly (readonly string[])[],
  options: {
    readonly undisturbed: HostTrial;
    readonly onVerdict: (verdict: HostVerdict) => void;
  },
): Promise<readonly HostVerdict[]> {
  return forEachOf(orders, 1, async (crashes) => {
    const verdict = await judge(on, crashes, options.undisturbed);
    options.onVerdict(verdict);
    return verdict;
  });
}

async function judge(
  on: KillHost,
  crashes: readonly string[],
  undisturbed: HostTrial,
): Promise<HostVerdict> {
  const name = `host killed at ${crashes.join(", then ")}`;
  try {
    const trial = await runHostTrial(on, crashes);
    if (!isDeepStrictEqual(trial.end, undisturbed.end)) {
      return { line: `BAD ${name}: ${JSON.stringify(trial.end)}`, isGood: false, trial };
    }
    const said = trial.killed === crashes.length ? "ok  " : "ok, but not reached: ";
    return { line: `${said}${name}`, isGood: true, trial };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { line: `BAD ${name}: ${problem}`, isGood: false };
  }
}
