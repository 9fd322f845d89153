import { execFile, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Secret, toFailure, type Channel } from "@gpujob/spec";
import { installPublicKey, type SshAccess } from "@gpujob/ssh";
import { afterAll, beforeAll, describe, it, onTestFinished } from "vitest";
import { makeTestSsh, runToEnd, type TestSsh } from "../support/ssh-connector.ts";
import { startSshHost, type SshHost, type SshHostOptions } from "../support/ssh-hosts.ts";

const run = promisify(execFile);
const password = "letmein42";
const shells = ["/bin/bash", "/bin/dash", "/usr/bin/fish", "/bin/tcsh", "/bin/csh", "/usr/bin/zsh"];
const shellUsers = shells.map((shell) => ({ name: `u-${shell.split("/").at(-1)}`, shell }));
const noise = "echo noise; echo noise >&2";

let ssh: TestSsh;
let host: SshHost;

beforeAll(async () => {
  ssh = await makeTestSsh();
  host = await startSshHost({
    users: [
      { name: "root", authorizedKey: ssh.ours.publicKey },
      { name: "ada", password },
      { name: "closed", authorizedKey: ssh.ours.publicKey, shell: "/usr/sbin/nologin" },
      ...shellUsers.map((user) => ({ ...user, authorizedKey: ssh.ours.publicKey })),
    ],
    setup: `
      echo '${noise}' | tee /home/u-bash/.bashrc /home/u-tcsh/.tcshrc /home/u-csh/.cshrc /home/u-zsh/.zshenv >/dev/null
      sed -i 's/ >&2//' /home/u-tcsh/.tcshrc /home/u-csh/.cshrc
      mkdir -p /home/u-fish/.config/fish; echo '${noise}' >/home/u-fish/.config/fish/config.fish`,
  });
});

afterAll(async () => {
  await host.destroy();
  await ssh.remove();
});

function accessTo(target: SshHost, over: Partial<SshAccess> = {}): SshAccess {
  return {
    kind: "ssh",
    host: target.host,
    port: target.port,
    user: "root",
    auth: { kind: "our-key" },
    hostKey: target.hostKeyFingerprint,
    ...over,
  };
}

async function connect(access: SshAccess, through: TestSsh = ssh): Promise<Channel> {
  const channel = await through.connect(access, { signal: AbortSignal.timeout(20_000) });
  onTestFinished(() => channel.close());
  return channel;
}

async function startHost(options: Partial<SshHostOptions> = {}): Promise<SshHost> {
  const started = await startSshHost({
    users: [{ name: "root", authorizedKey: ssh.ours.publicKey, password }],
    ...options,
  });
  onTestFinished(() => started.destroy());
  return started;
}

const everyByte = Buffer.from(Array.from({ length: 127 }, (_, index) => index + 1)).toString(
  "latin1",
);
const awkward = [
  "",
  " ",
  "a'b\"c",
  "!!",
  "!x",
  "\\",
  "\\n",
  "\n\n",
  "$HOME `id`",
  "%s%b\\c",
  "-n",
  "--",
  "ü😀",
  everyByte,
  `${"x".repeat(5_000)}\n`,
];

describe("programs", () => {
  it.for(shellUsers)(
    "are entered byte for byte whatever is the log-in shell: $shell",
    async ({ name }, { expect }) => {
      const channel = await connect(accessTo(host, { user: name }));
      const outcome = await runToEnd(channel, ["printf", "%s\\0", ...awkward]);
      expect(outcome.stdout.equals(Buffer.from(awkward.map((word) => `${word}\0`).join("")))).toBe(
        true,
      );
      expect(outcome.stderr.toString()).toBe("");
      expect(outcome.exit).toEqual({ code: 0 });
      expect((await runToEnd(channel, ["sh", "-c", "kill -9 $$"])).exit).toEqual({
        signal: "SIGKILL",
      });
      expect((await runToEnd(channel, ["no-such-program"])).exit).toEqual({ code: 127 });
    },
  );

  it("run on a machine with busybox and nothing else, and end there when cancelled", async ({
    expect,
  }) => {
    const small = await startHost({ image: "busybox" });
    const channel = await connect(accessTo(small));
    const outcome = await runToEnd(channel, ["printf", "%s\\0", ...awkward]);
    expect(outcome.stdout.equals(Buffer.from(awkward.map((word) => `${word}\0`).join("")))).toBe(
      true,
    );
    const stop = new AbortController();
    const execution = channel.exec(["sh", "-c", "echo up; sleep 4321"], { signal: stop.signal });
    await new Promise((resolve) => execution.stdout.once("data", resolve));
    stop.abort();
    await expect(execution.exit).rejects.toMatchObject({ failure: { kind: "aborted" } });
    await expect
      .poll(async () => (await small.exec(["sh", "-c", "ps | grep '[s]leep 4321'"])).stdout, {
        timeout: 8_000,
      })
      .toBe("");
  });

  it("that still run end on the machine when the channel is closed", async ({ expect }) => {
    const channel = await ssh.connect(accessTo(host), { signal: AbortSignal.timeout(20_000) });
    const execution = channel.exec(["sh", "-c", "trap '' TERM; echo up; sleep 5432; sleep 5432"], {
      signal: AbortSignal.timeout(60_000),
    });
    await new Promise((resolve) => execution.stdout.once("data", resolve));
    await channel.close();
    await channel.close();
    await expect(execution.exit).rejects.toMatchObject({ failure: { kind: "unreachable" } });
    await expect
      .poll(async () => (await host.exec(["pgrep", "-f", "sleep 5432"])).stdout, { timeout: 8_000 })
      .toBe("");
  });

  it("are refused with the account's own words where it may not log in", async ({ expect }) => {
    const channel = await connect(accessTo(host, { user: "closed" }));
    await expect(runToEnd(channel, ["true"])).rejects.toMatchObject({
      failure: { platformCode: "login-shell", message: expect.stringContaining("not available") },
    });
  });

  it("queue where the server allows fewer sessions than we do", async ({ expect }) => {
    const narrow = await startHost({ sshd: "MaxSessions 2" });
    const channel = await connect(accessTo(narrow));
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => runToEnd(channel, ["echo", String(index)])),
    );
    expect(answers.map(({ stdout }) => stdout.toString().trim())).toEqual(
      Array.from({ length: 10 }, (_, index) => String(index)),
    );
  });

  it("carry a large stream in and out unchanged", async ({ expect }) => {
    const channel = await connect(accessTo(host));
    const bytes = Buffer.alloc(40_000_000, "0123456789abcdef-");
    expect((await runToEnd(channel, ["cat"], { input: bytes })).stdout.equals(bytes)).toBe(true);
  });
});

describe("log-ins", () => {
  it("install our key at the first password login where that is allowed, once", async ({
    expect,
  }) => {
    const machine = await startHost({ users: [{ name: "root", password }] });
    const access = accessTo(machine, {
      auth: { kind: "password", password: new Secret(password) },
      mayInstallKey: true,
    });
    await connect(access);
    await connect(access);
    const channel = await connect(accessTo(machine));
    await installPublicKey(channel, ssh.ours.publicKey, { signal: AbortSignal.timeout(9_000) });
    const keys = (await machine.exec(["cat", "/root/.ssh/authorized_keys"])).stdout;
    expect(keys.split("\n").filter((line) => line === ssh.ours.publicKey)).toHaveLength(1);
  });

  it("by password leave no key behind on a machine of the user's own", async ({ expect }) => {
    await connect(
      accessTo(host, { user: "ada", auth: { kind: "password", password: new Secret(password) } }),
    );
    expect((await host.exec(["cat", "/home/ada/.ssh/authorized_keys"])).stdout.trim()).toBe("");
  });

  it("through an agent", async ({ expect, skip }) => {
    const socket = join(ssh.home, "agent");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    onTestFinished(() => void agent.kill());
    agent.on("error", () => undefined);
    await expect
      .poll(() => ssh.writeHome("x", "").then(() => execFileSync("ls", [ssh.home]).toString()), {
        timeout: 5_000,
      })
      .toContain("agent");
    if (agent.pid === undefined) skip("there is no ssh-agent here");
    const path = await ssh.writeHome("agent-key", ssh.ours.privateKey);
    await run("ssh-add", [path], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    const withAgent = await makeTestSsh({ agentSocket: socket });
    onTestFinished(() => withAgent.remove());
    expect(
      (
        await runToEnd(await connect(accessTo(host, { auth: { kind: "agent" } }), withAgent), [
          "true",
        ])
      ).exit.code,
    ).toBe(0);
  });

  it("that are wrong are told as such, and not tried for ever", async ({ expect }) => {
    const wrong = accessTo(host, {
      user: "ada",
      auth: { kind: "password", password: new Secret("wrong") },
    });
    for (let count = 0; count < 4; count += 1) {
      await expect(connect(wrong)).rejects.toMatchObject({
        failure: { kind: "unauthorized", scope: "host" },
      });
    }
  });
});

describe("host keys", () => {
  it("of every type match their fingerprint, whatever the server would show first", async ({
    expect,
  }) => {
    for (const type of ["ed25519", "ecdsa", "rsa"]) {
      const { stdout } = await host.exec([
        "ssh-keygen",
        "-lf",
        `/etc/ssh/ssh_host_${type}_key.pub`,
      ]);
      const channel = await connect(accessTo(host, { hostKey: stdout.split(" ")[1] ?? "" }));
      expect((await runToEnd(channel, ["true"])).exit.code).toBe(0);
    }
  });

  it("are found in known_hosts, hashed ones and ones of a single type too", async ({ expect }) => {
    const own = await makeTestSsh({ ourKey: async () => ssh.ours });
    onTestFinished(() => own.remove());
    const { stdout } = await host.exec(["cat", "/etc/ssh/ssh_host_rsa_key.pub"]);
    const path = await own.writeHome(
      ".ssh/known_hosts",
      `${host.host} ${stdout.split(" ").slice(0, 2).join(" ")}\n`,
    );
    await run("ssh-keygen", ["-q", "-H", "-f", path]);
    const { hostKey: _hostKey, ...unknown } = accessTo(host);
    await expect(runToEnd(await connect(unknown, own), ["true"])).resolves.toMatchObject({
      exit: { code: 0 },
    });
  });

  it("that changed are refused before anything is sent: the address may be another machine", async ({
    expect,
  }) => {
    const machine = await startHost();
    const { hostKey: _hostKey, ...first } = accessTo(machine, { hostKeyPolicy: "first-use" });
    await connect(first);
    await machine.exec(["sh", "-c", "rm /etc/ssh/ssh_host_*; ssh-keygen -A; kill -HUP 1"]);
    // The server starts itself anew, so that for a moment nothing listens.
    await expect
      .poll(() => connect(first).then(() => undefined, toFailure), { timeout: 9_000 })
      .toMatchObject({
        kind: "forbidden",
        platformCode: "host-key-changed",
        message: expect.stringContaining("another machine"),
      });
  });
});

describe("a lost machine", () => {
  it("that falls silent is suspected within 4 s, given up within 7 s, and reached again later", async ({
    expect,
  }) => {
    const machine = await startHost();
    const channel = await connect(accessTo(machine));
    const execution = channel.exec(["sh", "-c", "echo up; sleep 600"], {
      signal: AbortSignal.timeout(60_000),
    });
    await new Promise((resolve) => execution.stdout.once("data", resolve));
    const silentFrom = performance.now();
    const seen = ssh.logged.length;
    await machine.dropPackets();
    await expect
      .poll(() => ssh.logged.slice(seen).join(), { timeout: 6_000, interval: 50 })
      .toContain("silent");
    expect(performance.now() - silentFrom).toBeLessThan(4_500);
    await expect(execution.exit).rejects.toMatchObject({
      failure: { kind: "unreachable", platformCode: "silent" },
    });
    expect(performance.now() - silentFrom).toBeLessThan(7_500);
    await machine.undropPackets();
    expect((await runToEnd(await connect(accessTo(machine)), ["true"])).exit.code).toBe(0);
  });

  it("that is suspended for a moment is not given up", async ({ expect }) => {
    const machine = await startHost();
    const channel = await connect(accessTo(machine));
    const execution = channel.exec(["sh", "-c", "echo up; read x; echo $x"], {
      signal: AbortSignal.timeout(60_000),
    });
    await new Promise((resolve) => execution.stdout.once("data", resolve));
    const seen = ssh.logged.length;
    await machine.pause();
    await expect
      .poll(() => ssh.logged.slice(seen).join(), { timeout: 6_000, interval: 50 })
      .toContain("silent");
    await machine.unpause();
    execution.stdin.end("again\n");
    const answer = new Promise((resolve) =>
      execution.stdout.once("data", (chunk: Buffer) => resolve(String(chunk))),
    );
    expect(await answer).toBe("again\n");
    await expect(execution.exit).resolves.toEqual({ code: 0 });
  });

  it("that is killed fails everything on it", async ({ expect }) => {
    const machine = await startHost();
    const channel = await connect(accessTo(machine));
    const execution = channel.exec(["sh", "-c", "echo up; sleep 600"], {
      signal: AbortSignal.timeout(60_000),
    });
    await new Promise((resolve) => execution.stdout.once("data", resolve));
    await machine.kill();
    await expect(execution.exit).rejects.toMatchObject({ failure: { kind: "unreachable" } });
  });
});

describe("the way there", () => {
  it("leads through a bastion named in the user's SSH configuration", async ({ expect }) => {
    const bastion = await startHost();
    const own = await makeTestSsh({ ourKey: async () => ssh.ours });
    onTestFinished(() => own.remove());
    await own.writeHome(".ssh/id_ed25519", ssh.ours.privateKey);
    await own.writeHome(
      ".ssh/known_hosts",
      `${bastion.host} ${bastion.hostKey}\nthe-lab ${host.hostKey}\n`,
    );
    await own.writeHome(
      ".ssh/config",
      `Host lab1\n HostName ${host.host}\n User root\n HostKeyAlias the-lab\n ProxyJump root@${bastion.host}\n`,
    );
    const access: SshAccess = {
      kind: "ssh",
      host: "lab1",
      port: 22,
      user: "default",
      auth: { kind: "default" },
      target: { host: "lab1" },
    };
    const channel = await connect(access, own);
    const from = (await runToEnd(channel, ["sh", "-c", "echo $SSH_CONNECTION"])).stdout
      .toString()
      .split(" ")[0];
    expect(from).toBe(bastion.host);
    expect((await runToEnd(channel, ["cat"], { input: "through" })).stdout.toString()).toBe(
      "through",
    );
  });

  it("carries a port of the machine to this one", async ({ expect }) => {
    const forwarding = await ssh.forwardPort(
      accessTo(host),
      { localPort: 0, remotePort: 8099 },
      { signal: AbortSignal.timeout(9_000) },
    );
    onTestFinished(() => forwarding.close());
    const channel = await connect(accessTo(host));
    const server = channel.exec(["busybox", "httpd", "-f", "-p", "127.0.0.1:8099", "-h", "/etc"], {
      signal: AbortSignal.timeout(30_000),
    });
    server.stdout.resume();
    server.stderr.resume();
    const read = (): Promise<string> =>
      fetch(`http://127.0.0.1:${forwarding.localPort}/hostname`).then(
        (answer) => answer.text(),
        () => "",
      );
    await expect.poll(read, { timeout: 9_000 }).toMatch(/^[0-9a-f]{12}\n$/);
    const pages = await Promise.all(Array.from({ length: 20 }, read));
    expect(new Set(pages).size).toBe(1);
  });

  it("opens a terminal that can be typed into and resized", async ({ expect }) => {
    const shell = await ssh.openShell(
      accessTo(host),
      { columns: 91, rows: 33, argv: ["/bin/sh", "-i"] },
      { signal: AbortSignal.timeout(20_000) },
    );
    let shown = "";
    shell.output.on("data", (chunk: Buffer) => void (shown += chunk.toString()));
    shell.input.write("stty size; tty\n");
    await expect.poll(() => shown, { timeout: 5_000 }).toMatch(/33 91[\s\S]*\/dev\/pts\//);
    shell.resize(70, 20);
    shell.input.write("stty size\n");
    await expect.poll(() => shown, { timeout: 5_000 }).toMatch(/20 70/);
    shell.input.write("exit 5\n");
    await expect(shell.exit).resolves.toEqual({ code: 5 });
  });
});
