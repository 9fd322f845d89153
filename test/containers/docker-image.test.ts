import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateKeyPair } from "@gpujob/ssh";
import { afterAll, describe, it, onTestFinished } from "vitest";
import { makeFolder, runGpujob, startGpujob } from "../cli/support/gpujob.ts";
import type { Call, CallResult } from "../cli/support/gpujob.ts";
// @boundaries-ignore the supervisor's own test host: here the machine of its container is this computer
import {
  createPlan,
  createTestHost,
  readLog,
  until as untilTrue,
  untilBeat,
} from "../../packages/host/src/testing/test-host.ts";
import { makeTinyImage, startDockerHost, startRegistry } from "../support/docker-host.ts";
import type { DockerHost } from "../support/docker-host.ts";
import { until } from "../support/fault-lab.ts";
import { removeTestContainers } from "../support/ssh-hosts.ts";

const run = promisify(execFile);

afterAll(() => removeTestContainers());

interface Lab {
  readonly home: string;
  readonly machine: DockerHost;
  readonly submit: (job: string, environment?: Readonly<Record<string, string>>) => Promise<Call>;
  readonly ask: (...argv: string[]) => Promise<CallResult>;
}

async function openLab(
  options: { readonly user?: "root" | "student"; readonly mayUse?: boolean } = {},
): Promise<Lab> {
  const { user = "root", mayUse = true } = options;
  const { privateKey, publicKey } = await generateKeyPair();
  const machine = await startDockerHost({ user, authorizedKey: publicKey, mayUse });
  onTestFinished(() => machine.close());
  const home = await makeFolder();
  await mkdir(join(home, "state"), { mode: 0o700 });
  await writeFile(join(home, "key"), privateKey, { mode: 0o600 });
  const host = {
    ssh: `${user}@${machine.host}:22`,
    key: join(home, "key"),
    hostKey: machine.hostKey,
    root: join(machine.folder, "gpujob"),
  };
  const config = {
    platforms: { lab: { adapter: "ssh-host", hosts: [host] } },
    timeouts: { offers: "20s" },
  };
  // JSON is YAML.
  await writeFile(join(home, "state", "config.yaml"), JSON.stringify(config), { mode: 0o600 });
  return {
    home,
    machine,
    async submit(job, environment = {}) {
      await writeFile(join(home, "job.yaml"), job);
      return startGpujob(["submit", "job.yaml", "-y"], { home, environment, timeoutMs: 200_000 });
    },
    ask: (...argv) => runGpujob(argv, { home, timeoutMs: 200_000 }),
  };
}

/** Names and states of our containers. */
async function containers(): Promise<string> {
  const filter = ["--filter", "name=gpujob-r-", "--format", "{{.Names}} {{.State}}"];
  return (await run("docker", ["ps", "-a", ...filter])).stdout;
}

async function outputOf(home: string, file: string): Promise<string> {
  const [folder = ""] = await readdir(join(home, "outputs"));
  return readFile(join(home, "outputs", folder, file), "utf8");
}

/** Counts once in a while, and saves when it is told to stop. */
const counting = `i=0
trap 'echo "saved $i" >"$GPUJOB_OUTPUT_DIR/saved"; exit 5' TERM
while :; do i=$((i + 1)); echo "step $i"; sleep 0.5 & wait $!; done`;

const indent = (text: string): string => text.replaceAll("\n", "\n  ");

describe("a job with an image of Docker", () => {
  it("runs inside, with its files, secrets and variables, and its code, log and outputs come home", async ({
    expect,
  }) => {
    const lab = await openLab();
    const image = await makeTinyImage(onTestFinished);
    await writeFile(join(lab.home, "note"), "from here\n");
    const data = join(lab.machine.folder, "data");
    await lab.machine.exec(["sh", "-c", `mkdir ${data}; echo large >${data}/set`]);
    const call = await lab.submit(
      `name: inside
image: docker:${image}
workdir: .
files: { linked: "host:${data}" }
secrets: [CANARY]
env: { WORDS: "a 'b' c" }
outputs: [result]
run: |
  cat /etc/where note linked/set
  echo "$WORDS, \${#CANARY} letters, run $GPUJOB_RUN_ID, rank $GPUJOB_NODE_RANK"
  while [ ! -e go ]; do sleep 0.2; done
  echo 42 >result; echo out >"$GPUJOB_OUTPUT_DIR/made"; echo done >&2
  exit 7
`,
      { CANARY: "kanarienvogel-0815" },
    );
    await until(() => call.out().includes("rank 0"), 60_000, call);
    expect(await containers()).toMatch(/^gpujob-r-\w+-1-0 running\n$/);
    // Nobody who looks at processes or asks the engine sees the secret.
    const [name = ""] = (await containers()).split(" ");
    const { stdout: told } = await run("docker", ["inspect", name]);
    expect(told).toContain("GPUJOB_MARK");
    expect(told).not.toContain("kanarienvogel");
    const shown = await lab.machine.exec(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);
    expect(shown).toContain("supervisor.sh");
    expect(shown).not.toContain("kanarienvogel");
    const there = await lab.ask("exec", "inside", "--", "cat", "/etc/where");
    expect(there).toMatchObject({ code: 0, out: "tiny\n" });
    await lab.ask("exec", "inside", "--", "touch", "go");
    const { code, out, err } = await call.result;
    expect({ code, err }).toMatchObject({ code: 7 });
    expect(out).toMatch(/^tiny\nfrom here\nlarge\na 'b' c, 18 letters, run r-\w+, rank 0\ndone\n$/);
    expect(await outputOf(lab.home, "result")).toBe("42\n");
    expect(await outputOf(lab.home, "made")).toBe("out\n");
    expect(await containers()).toBe("");
  });

  it("saves when it is stopped", async ({ expect }) => {
    const lab = await openLab();
    const image = await makeTinyImage(onTestFinished);
    const call = await lab.submit(
      `name: stopped\nimage: docker:${image}\nrun: |\n  ${indent(counting)}\n`,
    );
    await until(() => call.out().includes("step 3"), 60_000, call);
    const stopped = await lab.ask("stop", "stopped");
    expect(stopped.code, stopped.err).toBe(0);
    expect((await call.result).code).toBe(130);
    expect(await outputOf(lab.home, "saved")).toMatch(/^saved \d+\n$/);
    expect(await containers()).toBe("");
  });

  it("ends at its time limit, whatever it does against it", async ({ expect }) => {
    const lab = await openLab();
    const image = await makeTinyImage(onTestFinished);
    const call = await lab.submit(`name: limited
image: docker:${image}
limits: { time: 12s }
checkpoint: { path: ckpt, every: 60s, grace: 1s }
run: |
  trap '' TERM
  echo begun; while :; do sleep 1; done
`);
    const { code, out } = await call.result;
    expect({ code, out }).toEqual({ code: 118, out: "begun\n" });
    expect(await containers()).toBe("");
  });

  it("goes on when its driver is killed, and the next one brings home what it did, once", async ({
    expect,
  }) => {
    const lab = await openLab({ user: "student" });
    const image = await makeTinyImage(onTestFinished);
    const call = await lab.submit(`name: lonely
image: docker:${image}
run: |
  id -u; echo begun
  echo once >>"$GPUJOB_OUTPUT_DIR/starts"; mkdir -p deep; echo x >deep/file
  sleep 8; echo done
`);
    await until(() => call.out().includes("begun"), 60_000, call);
    call.kill("SIGKILL");
    await call.result;
    expect(await containers()).toContain("running");
    const waited = await lab.ask("wait", "lonely");
    expect(waited.code, waited.err).toBe(0);
    expect((await lab.ask("logs", "lonely")).out).toBe("0\nbegun\ndone\n");
    expect(await outputOf(lab.home, "starts")).toBe("once\n");
    expect(await containers()).toBe("");
    // What root made in there is the user's again, who can remove it.
    const foreign = await lab.machine.exec(["find", lab.machine.folder, "!", "-user", "student"]);
    expect(foreign).toBe("");
  });

  it("comes from a private registry, whose password is in no command line and no log", async ({
    expect,
  }) => {
    const lab = await openLab();
    const password = "kanarienvogel-4711";
    const registry = await startRegistry({ user: "robot", password });
    onTestFinished(() => registry.close());
    const job = `name: private
image: docker:${registry.image}
run: |
  echo "$PATH"; cat /etc/where; env | grep -c kanarien || echo none
`;
    const refused = await (await lab.submit(job)).result;
    expect(refused.code).toBe(120);
    expect(refused.out).toContain(`the image ${registry.image} could not be fetched`);
    expect(registry.asked.served).toBe(0);
    const login = `${job}registry: { user: robot, password: { env: REGISTRY_PASSWORD } }\n`;
    const missing = await (await lab.submit(login)).result;
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.err).toContain(
      "registry.password: The environment variable REGISTRY_PASSWORD is not set",
    );
    const call = await lab.submit(login, { REGISTRY_PASSWORD: password });
    const { code, out, err } = await call.result;
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).toContain("/special:/bin\ntiny\n0\nnone\n");
    expect(out + err).not.toContain(password);
    expect(registry.asked.served).toBeGreaterThan(0);
    const left = await lab.machine.exec([
      "sh",
      "-c",
      `grep -rl cm9ib3Q6 ${lab.machine.folder} || :`,
    ]);
    expect(left).toBe("");
  });
});

describe("the supervisor of a job in a container", () => {
  const { signal } = new AbortController();

  it.for([
    ["its control group", true],
    ["Docker", false],
  ] as const)(
    "freezes it by %s, lets it go on, and ends it frozen without letting it save",
    async ([, hasGroup], { expect }) => {
      await using host = createTestHost("dash");
      const image = await makeTinyImage(onTestFinished);
      const { session, attempt } = host;
      const plan = createPlan(counting, { container: { image } });
      await session.prepare(attempt, plan, { signal });
      await session.start(attempt, { signal });
      await untilTrue("the first steps", () => readLog(host, attempt).includes("step 2"), 60_000);
      // As where our user may not write there.
      if (!hasGroup) await rm(join(host.control(attempt), "cgroup"), { force: true });
      const frozen = await session.freeze(attempt, { signal });
      expect(frozen.state).toBe("frozen");
      if (!hasGroup) expect(await containers()).toContain("paused");
      const before = readLog(host, attempt);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      expect(readLog(host, attempt)).toBe(before);
      const validUntilUptimeMs = frozen.uptimeMs + 600_000;
      const nonce = frozen.nonce ?? "";
      const thawed = await session.thaw(attempt, { nonce, validUntilUptimeMs }, { signal });
      expect(thawed.state).toBe("running");
      await untilTrue("another step", () => readLog(host, attempt) !== before, 60_000);
      await session.freeze(attempt, { signal });
      await session.stop(attempt, { graceMs: 30_000, reason: "stopped" }, { signal });
      const end = await untilBeat(session, attempt, ({ state }) => state === "ended", 60_000);
      expect(end.exit).toMatchObject({ code: 137, reason: "stopped" });
      expect(host.marked(attempt)).toEqual([]);
      expect(readLog(host, attempt)).not.toContain("saved");
      expect(await containers()).toBe("");
    },
  );

  it("knows how it ended though Docker's command was killed meanwhile", async ({ expect }) => {
    await using host = createTestHost("dash");
    const image = await makeTinyImage(onTestFinished);
    const { session, attempt } = host;
    const job = 'echo begun; while [ ! -e "$GPUJOB_OUTPUT_DIR/go" ]; do sleep 0.2; done; exit 9';
    await session.prepare(attempt, createPlan(job, { container: { image } }), { signal });
    await session.start(attempt, { signal });
    await untilTrue("its beginning", () => readLog(host, attempt).includes("begun"), 60_000);
    const waiting = async (): Promise<number | undefined> => {
      for (const pid of host.marked(attempt)) {
        const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        if (words.split("\0").includes("wait") && !words.startsWith("sh")) return pid;
      }
      return undefined;
    };
    const first = await untilTrue("the wait", waiting);
    process.kill(first, "SIGKILL");
    await untilTrue("another wait", async () => {
      const next = await waiting();
      return next !== undefined && next !== first;
    });
    expect((await session.readBeat(attempt, { signal })).state).toBe("running");
    await writeFile(join(host.control(attempt), "../output/go"), "");
    const end = await untilBeat(session, attempt, ({ state }) => state === "ended", 60_000);
    expect(end.exit).toMatchObject({ code: 9, reason: "exited" });
  });

  it("holds its first line back when it is frozen or stopped while the image is on its way", async ({
    expect,
  }) => {
    await using host = createTestHost("dash");
    const { session, attempt } = host;
    // Nobody answers there for as long as this test takes.
    const plan = createPlan("echo begun", { container: { image: "192.0.2.1:5000/far:1" } });
    await session.prepare(attempt, plan, { signal });
    await session.start(attempt, { signal });
    await untilTrue("the fetch", () => readLog(host, attempt).includes("fetching"), 60_000);
    expect((await session.freeze(attempt, { signal })).state).toBe("frozen");
    await session.end(attempt, { signal, remove: false });
    const end = await session.readBeat(attempt, { signal });
    expect(end).toMatchObject({ state: "ended", exit: { reason: "stopped" } });
    expect(host.marked(attempt)).toEqual([]);
    expect(await containers()).toBe("");
  });
});

describe("a machine that cannot run an image of Docker", () => {
  it("is no candidate of the plan, which says why", async ({ expect }) => {
    const lab = await openLab({ user: "student", mayUse: false });
    const call = await lab.submit("image: docker:busybox:1\nrun: echo no\n");
    const { code, err } = await call.result;
    expect(code).toBe(114);
    expect(err).toContain("Docker may not be used there by our user, who is not in its group");
  });
});
