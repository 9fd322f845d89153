import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readStored } from "@gpujob/engine";
import { generateKeyPair } from "@gpujob/ssh";
import { afterAll, beforeAll, describe, it } from "vitest";
import { makeFolder, runGpujob, startGpujob } from "../cli/support/gpujob.ts";
import type { Call } from "../cli/support/gpujob.ts";
import { removeTestContainers, startSshHost } from "../support/ssh-hosts.ts";
import type { SshHost } from "../support/ssh-hosts.ts";

let key: Awaited<ReturnType<typeof generateKeyPair>>;

beforeAll(async () => {
  key = await generateKeyPair();
});
afterAll(() => removeTestContainers());

async function startHost(image: "full" | "busybox"): Promise<SshHost> {
  return startSshHost({ image, users: [{ name: "student", authorizedKey: key.publicKey }] });
}

/** A home whose platform `lab` is these hosts, as one would write it by hand. */
async function makeHome(hosts: readonly SshHost[], more = ""): Promise<string> {
  const home = await makeFolder();
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  await writeFile(join(home, "key"), key.privateKey, { mode: 0o600 });
  const list = hosts.map(
    (host, index) =>
      `      - { ssh: "student@${host.host}:${host.port}", key: ${join(home, "key")}, hostKey: "${host.hostKeyFingerprint}", price: ${index} CNY/h }`,
  );
  const config = `platforms:\n  lab:\n    adapter: ssh-host\n    hosts:\n${list.join("\n")}\n${more}`;
  await writeFile(join(home, "state", "config.yaml"), config, { mode: 0o600 });
  return home;
}

async function writeJob(home: string, text: string): Promise<string> {
  const path = join(home, "job.yaml");
  await writeFile(path, text);
  return path;
}

interface Envelope<Data> {
  readonly ok: boolean;
  readonly data: Data;
}

interface RunData {
  readonly id: string;
  readonly state: string;
  readonly exitCode: number;
  readonly outputs: readonly string[];
  readonly attempts: readonly { readonly number: number }[];
}

async function show(home: string): Promise<RunData> {
  const { out } = await runGpujob(["show", "--json"], { home });
  return readStored<Envelope<RunData>>(out).data;
}

/** Waits until something holds; says what the program said when it does not. */
async function until(holds: () => boolean, limitMs: number, call: Call): Promise<number> {
  const startedAt = Date.now();
  let hasEnded = false;
  void call.result.then(() => (hasEnded = true));
  while (!holds()) {
    if (hasEnded) throw new Error(`the program ended before it came true:\n${call.err()}`);
    if (Date.now() - startedAt > limitMs)
      throw new Error(`it did not come true within ${limitMs} ms:\n${call.err()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return Date.now() - startedAt;
}

/** Ends every connection of the user, and nothing else of what runs there. */
const cutConnections = `for each in /proc/[0-9]*; do
  read -r line < $each/cmdline 2>/dev/null
  case "$(tr '\\0' ' ' < $each/cmdline 2>/dev/null)" in *"sshd: student"*|*"sshd-session: student"*) kill -9 "\${each#/proc/}" ;; esac
done; true`;

describe("gpujob on a real OpenSSH host", () => {
  it("carries a log of 100 MB through 20 killed connections, byte for byte, and the job's own code", async ({
    expect,
  }) => {
    const host = await startHost("busybox");
    const home = await makeHome([host]);
    const lines = 1_700_000;
    const job = `name: chatty
resources: {}
workdir: .
run: |
  i=0; while [ $i -lt 17 ]; do
    awk -v from=$((i * 100000)) 'BEGIN { for (n = 0; n < 100000; n++) printf "%060d\\n", from + n }'
    i=$((i + 1)); sleep 1
  done
  exit 7
`;
    const submitted = startGpujob(["submit", await writeJob(home, job), "-y"], {
      home,
      timeoutMs: 240_000,
    });
    await until(() => submitted.out().length > 1_000_000, 60_000, submitted);
    for (let cut = 0; cut < 20; cut += 1) {
      await host.exec(["sh", "-c", cutConnections]);
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    const { code, out } = await submitted.result;
    const wanted = createHash("sha256");
    for (let line = 0; line < lines; line += 1)
      wanted.update(`${String(line).padStart(60, "0")}\n`);
    expect(out.length).toBe(lines * 61);
    expect(createHash("sha256").update(out).digest("hex")).toBe(wanted.digest("hex"));
    expect(code).toBe(7);
    await host.destroy();
  });

  it("goes on with a run whose driver was killed, and runs nothing twice", async ({ expect }) => {
    const host = await startHost("full");
    const home = await makeHome([host]);
    const job = `name: orphan
workdir: .
run: |
  echo started >> "$GPUJOB_OUTPUT_DIR/starts"
  for i in $(seq 1 12); do echo line $i; sleep 1; done
`;
    const submitted = startGpujob(["submit", await writeJob(home, job), "-y"], { home });
    await until(() => submitted.out().includes("line 3"), 60_000, submitted);
    submitted.kill("SIGKILL");
    await submitted.result;
    const ps = await runGpujob(["ps"], { home });
    expect(ps.err).toContain("lost its driver");
    const waited = await runGpujob(["wait"], { home });
    expect(waited.code).toBe(0);
    const run = await show(home);
    expect(run).toMatchObject({ state: "succeeded", exitCode: 0 });
    expect(run.attempts).toHaveLength(1);
    const starts = await readFile(join(home, "outputs", run.id, "starts"), "utf8");
    expect(starts).toBe("started\n");
    const logs = await runGpujob(["logs"], { home });
    expect(logs.out).toBe(Array.from({ length: 12 }, (_, index) => `line ${index + 1}\n`).join(""));
    await host.destroy();
  });

  it("goes on from the checkpoint on the other host within 30 s when one is destroyed", async ({
    expect,
  }) => {
    const hosts = await Promise.all([startHost("full"), startHost("full")]);
    const home = await makeHome(hosts);
    const job = `name: survivor
workdir: .
checkpoint: { path: ckpt, every: 3s }
run: |
  mkdir -p ckpt; i=$(cat ckpt/step 2>/dev/null || echo 0)
  echo "begin at $i, resumed=$GPUJOB_RESUME"
  while [ "$i" -lt 45 ]; do
    i=$((i + 1)); echo "step $i"; sleep 1
    if [ $((i % 5)) = 0 ]; then echo "$i" > ckpt/new; mv ckpt/new ckpt/step; fi
  done
`;
    const submitted = startGpujob(["submit", await writeJob(home, job), "-y"], {
      home,
      timeoutMs: 240_000,
    });
    await until(() => submitted.out().includes("step 18"), 90_000, submitted);
    await hosts[0]?.kill();
    const tookMs = await until(() => submitted.out().includes("resumed=1"), 60_000, submitted);
    const resumedAt = Number(/begin at (\d+), resumed=1/.exec(submitted.out())?.[1]);
    const { code } = await submitted.result;
    process.stdout.write(
      `host lost → first new line: ${tookMs} ms, resumed at step ${resumedAt}\n`,
    );
    expect(tookMs).toBeLessThanOrEqual(30_000);
    expect(resumedAt).toBeGreaterThanOrEqual(5);
    expect(code).toBe(0);
    expect((await show(home)).attempts).toHaveLength(2);
    await Promise.all(hosts.map((host) => host.destroy()));
  });
});
