import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readStored } from "@gpujob/engine";
import { generateKeyPair } from "@gpujob/ssh";
import type { SshKeyPair } from "@gpujob/ssh";
import { runGpujob, startGpujob } from "../cli/support/gpujob.ts";
import type { Call, CallResult } from "../cli/support/gpujob.ts";
import { startSshHost } from "./ssh-hosts.ts";
import type { SshHost, SshHostOptions } from "./ssh-hosts.ts";

/** Real hosts, and a home of `gpujob` whose platform `lab` they are. */
export interface FaultLab {
  readonly hosts: readonly SshHost[];
  /** By index; throws where there is none. */
  host(index: number): SshHost;
  readonly home: string;
  /** Writes the job file and submits it. */
  submit(job: string, argv?: readonly string[]): Promise<Call>;
  run(argv: readonly string[], timeoutMs?: number): Promise<CallResult>;
  show(): Promise<ShownRun>;
  close(): Promise<void>;
}

/** What the tests read of `show --json`. */
export interface ShownRun {
  readonly id: string;
  readonly state: string;
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly outputFolder: string;
  readonly outputs: readonly string[];
  readonly failure?: { readonly kind: string; readonly message: string; readonly hint?: string };
  readonly attempts: readonly {
    readonly number: number;
    readonly offerId: string;
    readonly startedAt: string;
    readonly endedAt: string | null;
    readonly reason: string | null;
  }[];
  readonly timeline: readonly {
    readonly at: string;
    readonly type: string;
    readonly attempt: number | null;
    readonly message: string;
  }[];
  readonly lastBeat: Readonly<Record<string, number | string>> | null;
}

export interface FaultLabOptions {
  /** What each host is made of, beside its user `student`. */
  readonly hosts: readonly Omit<SshHostOptions, "users">[];
  /** Settings of each host in the configuration, such as `root: /data/gpujob`. */
  readonly hostSettings?: string;
  /** Further lines of the configuration. */
  readonly config?: string;
  /** Beside those for a busy computer, such as `unreachable: 12s`. */
  readonly timeouts?: string;
  /** The lab is closed with the test. */
  readonly onTestFinished?: (close: () => Promise<void>) => void;
  /** A `gpujob` call is killed after so long, in milliseconds. @default 4 min */
  readonly timeoutMs?: number;
}

let keys: Promise<SshKeyPair> | undefined;

/** Starts the hosts and writes the configuration. The image and the built command must be there. */
export async function openFaultLab(options: FaultLabOptions): Promise<FaultLab> {
  const key = await (keys ??= generateKeyPair());
  const home = await mkdtemp(join(tmpdir(), "gpujob-hosts-"));
  const users = [{ name: "student", authorizedKey: key.publicKey }];
  const hosts = await Promise.all(
    options.hosts.map((host) => startSshHost({ image: "full", ...host, users })),
  );
  const { timeoutMs = 240_000 } = options;
  const lab: FaultLab = {
    hosts,
    home,
    host(index) {
      const host = hosts[index];
      if (host === undefined) throw new Error(`There is no host ${index}.`);
      return host;
    },
    async submit(job, argv = []) {
      await writeFile(join(home, "job.yaml"), job);
      return startGpujob(["submit", join(home, "job.yaml"), "-y", ...argv], { home, timeoutMs });
    },
    run: (argv, limitMs = 60_000) => runGpujob(argv, { home, timeoutMs: limitMs }),
    async show() {
      const { out, err } = await runGpujob(["show", "--json"], { home });
      if (out === "") throw new Error(`show says nothing: ${err}`);
      return readStored<{ readonly data: ShownRun }>(out).data;
    },
    async close() {
      await Promise.all(hosts.map((host) => host.destroy()));
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  options.onTestFinished?.(() => lab.close());
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  await writeFile(join(home, "key"), key.privateKey, { mode: 0o600 });
  await writeConfig(lab, options);
  return lab;
}

/** Writes the configuration anew, with the hosts' present addresses. */
async function writeConfig(
  { home, hosts }: Pick<FaultLab, "home" | "hosts">,
  options: Pick<FaultLabOptions, "config" | "hostSettings" | "timeouts">,
): Promise<void> {
  const settings = options.hostSettings === undefined ? "" : `, ${options.hostSettings}`;
  const list = hosts.map(
    (host, index) =>
      `      - { ssh: "student@${host.host}:${host.port}", key: ${join(home, "key")}, hostKey: "${host.hostKeyFingerprint}", price: ${index} CNY/h${settings} }\n`,
  );
  const timeouts = ["offers: 20s", ...(options.timeouts === undefined ? [] : [options.timeouts])];
  const text = `platforms:\n  lab:\n    adapter: ssh-host\n    hosts:\n${list.join("")}timeouts: { ${timeouts.join(", ")} }\n${options.config ?? ""}\n`;
  await writeFile(join(home, "state", "config.yaml"), text, { mode: 0o600 });
}

/** Waits until something holds; throws with what the program said when it ends before or takes too long. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  limitMs: number,
  call?: Call,
): Promise<number> {
  const startedAt = Date.now();
  let hasEnded = false;
  void call?.result.then(() => (hasEnded = true));
  while (!(await holds())) {
    if (hasEnded) throw new Error(`the program ended before it came true:\n${call?.err()}`);
    if (Date.now() - startedAt > limitMs)
      throw new Error(`it did not come true within ${limitMs} ms:\n${call?.err() ?? ""}`);
    await pause(100);
  }
  return Date.now() - startedAt;
}

/** Waits for the next checkpoint that comes home: without a fresh one a silent machine is given up only after minutes. */
export async function untilSaved(call: Call): Promise<void> {
  const count = (): number => call.err().split("Checkpoint saved").length;
  const before = count();
  await until(() => count() > before, 60_000, call);
}

/** Lets real time pass: what these tests measure lives outside of this process. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** A job that leaves a mark with attempt and time every 0.2 s, and saves its step so that it can go on elsewhere. */
export function beatingJob(
  steps: number,
  { checkpoint = true }: { readonly checkpoint?: boolean } = {},
): string {
  return `name: beating
workdir: .
${checkpoint ? "checkpoint: { path: ckpt, every: 2s }\n" : ""}run: |
  mkdir -p ckpt; i=$(cat ckpt/step 2>/dev/null || echo 0)
  echo "begin at $i, attempt $GPUJOB_ATTEMPT"
  while [ "$i" -lt ${steps} ]; do
    i=$((i + 1))
    echo "$GPUJOB_ATTEMPT $(date +%s%3N)" >>/tmp/marks
    [ $((i % 5)) != 0 ] || echo "step $i"
    if [ $((i % 25)) = 0 ]; then echo "$i" >ckpt/new; mv ckpt/new ckpt/step; fi
    sleep 0.2
  done
`;
}

/** One attempt on one host, by the marks it left: epoch milliseconds of its first and last, and its longest silence. */
export interface Span {
  readonly host: number;
  readonly attempt: number;
  readonly from: number;
  readonly to: number;
  readonly longestGapMs: number;
  /** Every mark, in epoch milliseconds. */
  readonly marks: readonly number[];
}

/** The merged timeline of all hosts, in order of time. The containers share one clock. */
export async function readSpans(hosts: readonly SshHost[]): Promise<readonly Span[]> {
  const found = await Promise.all(
    hosts.map(async (each, host) => {
      const { stdout } = await each.exec(["sh", "-c", "cat /tmp/marks 2>/dev/null; true"]);
      const times = new Map<number, number[]>();
      for (const line of stdout.split("\n")) {
        const [attempt, at] = line.split(" ").map(Number);
        if (attempt === undefined || at === undefined) continue;
        times.set(attempt, [...(times.get(attempt) ?? []), at]);
      }
      return [...times].map(([attempt, marks]) => toSpan(host, attempt, marks));
    }),
  );
  return found.flat().toSorted((one, other) => one.from - other.from);
}

function toSpan(host: number, attempt: number, marks: readonly number[]): Span {
  const gaps = marks.slice(1).map((at, index) => at - (marks[index] ?? at));
  return {
    host,
    attempt,
    from: marks[0] ?? 0,
    to: marks.at(-1) ?? 0,
    longestGapMs: Math.max(0, ...gaps),
    marks,
  };
}

/** How long two attempts were alive at once, in milliseconds; 0 is what is promised. */
export function overlapMs(spans: readonly Span[]): number {
  const overlaps = spans.flatMap((one, index) =>
    spans
      .slice(index + 1)
      .map((other) => Math.min(one.to, other.to) - Math.max(one.from, other.from)),
  );
  return Math.max(0, ...overlaps);
}

/** Asked for by `scripts/host-trials.mjs`: every case, at full length. */
export const isLongRun = process.env["GPUJOB_LONG"] === "1";

/** A measured figure, on standard output with the test's own. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
