import { Secret, type Channel } from "@gpujob/spec";
import ssh2 from "ssh2";
import { describe, it, onTestFinished } from "vitest";
import type { SshConnectorOptions } from "./connector.ts";
import { fingerprintKey, generateKeyPair } from "./keys.ts";
import type { SshAccess } from "./route.ts";
import { runToEnd } from "./testing/collect.ts";
import { makeTestConnector, type TestConnector } from "./testing/connector.ts";
import { startTestServer, type TestServerOptions, type TestSshServer } from "./testing/server.ts";

const password = "correct horse";

interface Stage {
  readonly server: TestSshServer;
  readonly test: TestConnector;
  readonly access: SshAccess;
  readonly fingerprint: string;
  readonly connect: (over?: Partial<SshAccess>) => Promise<Channel>;
}

async function setStage(
  options: TestServerOptions & { readonly over?: Partial<SshConnectorOptions> } = {},
): Promise<Stage> {
  const { over, ...rest } = options;
  const test = await makeTestConnector(over);
  const server = await startTestServer({ password, publicKey: test.ours.publicKey, ...rest });
  onTestFinished(async () => {
    await server.close();
    await test.remove();
  });
  const fingerprint = fingerprintKey(Buffer.from(server.hostKey.split(" ")[1] ?? "", "base64"));
  const access: SshAccess = {
    kind: "ssh",
    host: "127.0.0.1",
    port: server.port,
    user: "ada",
    auth: { kind: "our-key" },
    hostKey: fingerprint,
  };
  const connect = async (more: Partial<SshAccess> = {}): Promise<Channel> => {
    const { hostKey, ...base } = access;
    const trust = "hostKeyPolicy" in more ? {} : { hostKey: hostKey ?? "" };
    const channel = await test.connect(
      { ...base, ...trust, ...more },
      { signal: AbortSignal.timeout(10_000) },
    );
    onTestFinished(() => channel.close());
    return channel;
  };
  return { server, test, access, fingerprint, connect };
}

describe("programs", () => {
  it("run with their input, both outputs and their code", async ({ expect }) => {
    const channel = await (await setStage()).connect();
    const outcome = await runToEnd(channel, ["/bin/sh", "-c", "cat; echo err >&2; exit 7"], {
      input: "in",
    });
    expect(outcome.stdout.toString()).toBe("in");
    expect(outcome.stderr.toString()).toBe("err\n");
    expect(outcome.exit).toEqual({ code: 7 });
  });

  it("tell a signal that ended them", async ({ expect }) => {
    const channel = await (await setStage()).connect();
    expect((await runToEnd(channel, ["/bin/sh", "-c", "kill -9 $$"])).exit).toEqual({
      signal: "SIGKILL",
    });
  });

  it("carry 30 MB both ways without holding it", async ({ expect }) => {
    const channel = await (await setStage()).connect();
    const bytes = Buffer.alloc(30_000_000, "0123456789abcdef");
    expect((await runToEnd(channel, ["cat"], { input: bytes })).stdout.equals(bytes)).toBe(true);
  });

  it("answer though they end before anyone listens", async ({ expect }) => {
    const channel = await (await setStage()).connect();
    const codes = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, index) => (await runToEnd(channel, ["/bin/sh", "-c", `exit ${index}`])).exit.code,
      ),
    );
    expect(codes).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });

  it("are kept apart from what the log-in shell prints before them", async ({ expect }) => {
    const { connect } = await setStage({
      onExec: (channel, command) => {
        const mark = /test\d{8}/.exec(command)?.[0];
        channel.write(`welcome\ngpujob-${mark}:%s\n`);
        channel.stderr.write("junk");
        channel.write(`gpujob-${mark}:12`);
        channel.write(`34\nreal`);
        channel.stderr.write(`gpujob-${mark}:1234\n`);
        channel.exit(0);
        channel.end();
      },
    });
    const outcome = await runToEnd(await connect(), ["x"]);
    expect([outcome.stdout.toString(), outcome.stderr.toString()]).toEqual(["real", ""]);
  });

  it("that the log-in shell never starts are an error with the shell's words", async ({
    expect,
  }) => {
    const { connect } = await setStage({
      onExec: (channel) => {
        channel.write("This account is closed.\n");
        channel.exit(1);
        channel.end();
      },
    });
    await expect(runToEnd(await connect(), ["x"])).rejects.toMatchObject({
      failure: {
        kind: "forbidden",
        platformCode: "login-shell",
        message: expect.stringContaining("This account is closed."),
      },
    });
  });

  it("wait for a place when eight run, and when the server allows only two", async ({ expect }) => {
    const { connect } = await setStage({ maxSessions: 2 });
    const channel = await connect();
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) => runToEnd(channel, ["echo", String(index)])),
    );
    expect(outcomes.map(({ stdout }) => stdout.toString().trim())).toEqual(
      Array.from({ length: 12 }, (_, index) => String(index)),
    );
  });

  it("end on the machine when they are cancelled", async ({ expect }) => {
    const channel = await (await setStage()).connect();
    const stop = new AbortController();
    const execution = channel.exec(["/bin/sh", "-c", "echo $$; sleep 300"], {
      signal: stop.signal,
    });
    execution.stderr.resume();
    const pid = Number(
      await new Promise<string>((resolve) =>
        execution.stdout.once("data", (chunk: Buffer) => resolve(String(chunk))),
      ),
    );
    stop.abort();
    await expect(execution.exit).rejects.toMatchObject({ failure: { kind: "aborted" } });
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
  });

  it("that are cancelled before the start never start", async ({ expect }) => {
    let count = 0;
    const { connect } = await setStage({ onExec: () => void (count += 1) });
    const execution = (await connect()).exec(["x"], { signal: AbortSignal.abort() });
    await expect(execution.exit).rejects.toMatchObject({ failure: { kind: "aborted" } });
    expect(count).toBe(0);
  });

  it("fail as unreachable when the connection breaks", async ({ expect }) => {
    const { connect, server } = await setStage();
    const execution = (await connect()).exec(["/bin/sh", "-c", "echo up; sleep 300"], {
      signal: AbortSignal.timeout(9_000),
    });
    await new Promise((resolve) => execution.stdout.once("data", resolve));
    for (const socket of server.sockets) socket.destroy();
    await expect(execution.exit).rejects.toMatchObject({ failure: { kind: "unreachable" } });
  });

  it("that the server never starts fail within the deadline", async ({ expect }) => {
    const { server, test, access } = await setStage({ over: { limits: { startMs: 200 } } });
    const channel = await test.connect(access, { signal: AbortSignal.timeout(5_000) });
    for (const socket of server.sockets) socket.pause();
    await expect(runToEnd(channel, ["x"])).rejects.toMatchObject({
      failure: { kind: "unreachable", platformCode: "timeout" },
    });
    await channel.close();
  });
});

describe("a link that falls silent", () => {
  it("is suspected, given up, and every program on it fails", async ({ expect }) => {
    const { server, test, connect } = await setStage({
      over: { limits: { suspectMs: 1_500, giveUpMs: 2_500 } },
    });
    const channel = await connect();
    const executions = ["a", "b"].map((name) =>
      channel.exec(["/bin/sh", "-c", `echo ${name}; sleep 300`], {
        signal: AbortSignal.timeout(20_000),
      }),
    );
    await Promise.all(
      executions.map(({ stdout }) => new Promise((resolve) => stdout.once("data", resolve))),
    );
    const startMs = performance.now();
    for (const socket of server.sockets) socket.pause();
    const results = await Promise.allSettled(executions.map(({ exit }) => exit));
    for (const result of results)
      expect(result).toMatchObject({
        reason: { failure: { kind: "unreachable", platformCode: "silent" } },
      });
    expect(performance.now() - startMs).toBeLessThan(4_500);
    expect(test.logged.join()).toMatch(/silent for 1\d\d\d ms/);
  });
});

describe("log-ins", () => {
  it("by password, also where only keyboard-interactive is allowed", async ({ expect }) => {
    for (const isInteractive of [false, true]) {
      const { connect, server } = await setStage({ isInteractive });
      const channel = await connect({ auth: { kind: "password", password: new Secret(password) } });
      expect((await runToEnd(channel, ["echo", "in"])).stdout.toString()).toBe("in\n");
      expect(server.attempts.at(-1)).toBe(isInteractive ? "keyboard-interactive" : "password");
    }
  });

  it("by a key file, and by the usual files of the home folder", async ({ expect }) => {
    const { connect, test, access } = await setStage();
    await test.writeHome("key", test.ours.privateKey);
    await test.writeHome(".ssh/id_ed25519", test.ours.privateKey);
    for (const auth of [{ kind: "key-file", path: "~/key" }, { kind: "default" }] as const) {
      expect((await runToEnd(await connect({ auth }), ["echo", "in"])).exit.code).toBe(0);
    }
    expect(access.user).toBe("ada");
  });

  it("by a key ask nothing first, and go on where the server does not take it", async ({
    expect,
  }) => {
    const { connect, server, test } = await setStage();
    const other = await generateKeyPair();
    await test.writeHome(".ssh/id_ed25519", other.privateKey);
    await test.writeHome(".ssh/id_ecdsa", test.ours.privateKey);
    expect((await runToEnd(await connect(), ["echo", "in"])).exit.code).toBe(0);
    expect(server.attempts).toEqual(["publickey"]);
    const usual = await connect({ auth: { kind: "default" } });
    expect((await runToEnd(usual, ["echo", "in"])).exit.code).toBe(0);
    expect(server.attempts).toEqual(["publickey", "publickey", "publickey"]);
  });

  it("by an RSA key ask first which signature is taken", async ({ expect }) => {
    const pair = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 });
    const { connect, server, test } = await setStage({ publicKey: pair.public });
    await test.writeHome("key", pair.private);
    const channel = await connect({ auth: { kind: "key-file", path: "~/key" } });
    expect((await runToEnd(channel, ["echo", "in"])).exit.code).toBe(0);
    expect(server.attempts).toEqual(["publickey", "publickey"]);
  });

  it("that are rejected say what was tried, and are not tried again after three times", async ({
    expect,
  }) => {
    const { connect, server } = await setStage();
    const wrong = { auth: { kind: "password", password: new Secret("wrong") } } as const;
    for (let count = 0; count < 3; count += 1) {
      await expect(connect(wrong)).rejects.toMatchObject({
        failure: {
          kind: "unauthorized",
          message: expect.stringContaining("password, keyboard-interactive"),
        },
      });
    }
    const before = server.attempts.length;
    await expect(connect(wrong)).rejects.toMatchObject({
      failure: {
        kind: "unauthorized",
        message: expect.stringContaining("3 times in a row"),
        retryAfterMs: expect.any(Number),
      },
    });
    expect(server.attempts.length).toBe(before);
    expect(before).toBe(6);
  });

  it("never carry the password in an error", async ({ expect }) => {
    const { connect } = await setStage();
    const error: unknown = await connect({
      auth: { kind: "password", password: new Secret("s3cret-w0rd") },
    }).catch((failure: unknown) => failure);
    expect(JSON.stringify(error)).not.toContain("s3cret-w0rd");
  });
});

describe("host keys", () => {
  it("that differ from the expected one are refused before anything is sent", async ({
    expect,
  }) => {
    const { connect, server, fingerprint } = await setStage();
    const hostKey = `SHA256:${"A".repeat(43)}`;
    await expect(connect({ hostKey })).rejects.toMatchObject({
      failure: {
        kind: "forbidden",
        platformCode: "host-key-changed",
        message: expect.stringMatching(/CHANGED.*Nothing was sent/s),
      },
    });
    expect(server.attempts).toEqual([]);
    expect(fingerprint).toMatch(/^SHA256:/);
  });

  it("that are unknown are refused with the fingerprint and what to do", async ({ expect }) => {
    const { connect, server, fingerprint } = await setStage();
    await expect(connect({ hostKeyPolicy: "known" })).rejects.toMatchObject({
      failure: {
        platformCode: "host-key-unknown",
        message: expect.stringContaining(fingerprint),
        hint: expect.stringContaining("accept-new"),
      },
    });
    expect(server.attempts).toEqual([]);
  });

  it("that are unknown are trusted and pinned once the user says so", async ({ expect }) => {
    const asked: string[] = [];
    const { connect, test, fingerprint, server } = await setStage({
      over: {
        confirmHostKey: async ({ fingerprint: shown }) => asked.push(shown) > 0,
      },
    });
    await connect({ hostKeyPolicy: "known" });
    await connect({ hostKeyPolicy: "known" });
    expect(asked).toEqual([fingerprint]);
    expect(test.pinned.get(`127.0.0.1:${server.port}`)?.fingerprint).toBe(fingerprint);
  });

  it("seen at first use must stay the same", async ({ expect }) => {
    const { connect, test, server } = await setStage();
    await connect({ hostKeyPolicy: "first-use" });
    test.pinned.set(`127.0.0.1:${server.port}`, {
      type: "ssh-ed25519",
      fingerprint: `SHA256:${"B".repeat(43)}`,
    });
    await expect(connect({ hostKeyPolicy: "first-use" })).rejects.toMatchObject({
      failure: { platformCode: "host-key-changed" },
    });
  });

  it("are looked up in known_hosts; what is revoked or changed there is refused, also with accept-new", async ({
    expect,
  }) => {
    const { connect, test, server } = await setStage();
    const line = `[127.0.0.1]:${server.port} ${server.hostKey}\n`;
    await test.writeHome(".ssh/known_hosts", line);
    await connect({ hostKeyPolicy: "known" });
    await test.writeHome(".ssh/known_hosts", `@revoked ${line}`);
    await expect(connect({ hostKeyPolicy: "known" })).rejects.toMatchObject({
      failure: { platformCode: "host-key-revoked" },
    });
    await test.writeHome(".ssh/known_hosts", `[127.0.0.1]:${server.port} ${test.ours.publicKey}\n`);
    await expect(connect({ hostKeyPolicy: "accept-new" })).rejects.toMatchObject({
      failure: { platformCode: "host-key-changed", hint: expect.stringContaining("ssh-keygen -R") },
    });
  });

  it("are looked up under HostKeyAlias where the user's SSH configuration has one, whatever the port", async ({
    expect,
  }) => {
    const { connect, test, server } = await setStage();
    const config = `Host lab\n HostName 127.0.0.1\n Port ${server.port}\n HostKeyAlias the-lab\n`;
    await test.writeHome(".ssh/config", config);
    await test.writeHome(".ssh/known_hosts", `the-lab ${server.hostKey}\n`);
    const place = { hostKeyPolicy: "known", target: { host: "lab", user: "root" } } as const;
    await connect(place);
    await test.writeHome(".ssh/known_hosts", `the-lab ${test.ours.publicKey}\n`);
    await expect(connect(place)).rejects.toMatchObject({
      failure: {
        platformCode: "host-key-changed",
        hint: expect.stringContaining('ssh-keygen -R "the-lab"'),
      },
    });
  });
});

describe("the way there", () => {
  it("goes through jumps", async ({ expect }) => {
    const inner = await setStage();
    const outer = await startTestServer({ publicKey: inner.test.ours.publicKey });
    onTestFinished(() => outer.close());
    // This server answers every forwarded connection with a text, which is no SSH: so the jump was really taken.
    const hostKey = fingerprintKey(Buffer.from(outer.hostKey.split(" ")[1] ?? "", "base64"));
    const jump = {
      host: "127.0.0.1",
      port: outer.port,
      user: "jump",
      auth: { kind: "our-key" },
      hostKey,
    } as const;
    await expect(inner.connect({ jumps: [jump] })).rejects.toMatchObject({
      failure: { kind: "unreachable" },
    });
    expect(outer.attempts).toContain("publickey");
    expect(inner.server.attempts).toEqual([]);
  });

  it("says of a host that does not answer why", async ({ expect }) => {
    const { server, connect } = await setStage();
    await server.close();
    await expect(connect()).rejects.toMatchObject({
      failure: { kind: "unreachable", platformCode: "refused" },
    });
    await expect(connect({ host: "no-such-host.invalid" })).rejects.toMatchObject({
      failure: { kind: "unreachable", platformCode: "host-unknown" },
    });
  });

  it("carries ports of the machine to this one", async ({ expect }) => {
    const { test, access } = await setStage();
    const forwarding = await test.forwardPort(
      access,
      { localPort: 0, remotePort: 6006 },
      { signal: AbortSignal.timeout(5_000) },
    );
    const { createConnection } = await import("node:net");
    const text = await new Promise<string>((resolve) =>
      createConnection(forwarding.localPort, "127.0.0.1").once("data", (data) =>
        resolve(String(data)),
      ),
    );
    expect(text).toBe("port 6006");
    await forwarding.close();
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
