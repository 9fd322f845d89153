import { createConnection, type Socket } from "node:net";
import { toFailure, type PlatformError } from "@gpujob/spec";
import { describe, it, onTestFinished } from "vitest";
import type { SshAccess } from "./route.ts";
import { runToEnd } from "./testing/collect.ts";
import { makeTestConnector, type TestConnector } from "./testing/connector.ts";
import { startRawServer, startTestServer } from "./testing/server.ts";

const mebibyte = 1024 * 1024;

/** Connects to a peer and gives back how that failed, and how much memory it cost at most. */
async function meet(onSocket: (socket: Socket) => void): Promise<{
  readonly failure: PlatformError["failure"];
  readonly grownMib: number;
  readonly ms: number;
}> {
  const test = await makeTestConnector({ limits: { connectMs: 1_500 } });
  const server = await startRawServer(onSocket);
  onTestFinished(async () => {
    await server.close();
    await test.remove();
  });
  const access: SshAccess = {
    kind: "ssh",
    host: "127.0.0.1",
    port: server.port,
    user: "a",
    auth: { kind: "our-key" },
    hostKeyPolicy: "first-use",
  };
  const startMs = performance.now();
  const memory = watchMemory();
  const error: unknown = await test
    .connect(access, { signal: AbortSignal.timeout(20_000) })
    .catch((failure: unknown) => failure);
  const grownMib = memory.stop();
  if (!(error instanceof Error) || !("failure" in error))
    throw new Error(`It ended with ${String(error)}.`);
  // Only errors of ours have this property.
  return { failure: (error as PlatformError).failure, grownMib, ms: performance.now() - startMs }; // oxlint-disable-line typescript/no-unsafe-type-assertion
}

/** The most memory outside the JavaScript heap and in it, over what was there before. */
function watchMemory(): { readonly stop: () => number } {
  const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const before = used();
  let most = before;
  const timer = setInterval(() => void (most = Math.max(most, used())), 20);
  return {
    stop: () => {
      clearInterval(timer);
      return (Math.max(most, used()) - before) / mebibyte;
    },
  };
}

/** Writes the same bytes for as long as the other side takes them. */
function flood(socket: Socket, bytes: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on("drain", more);
  more();
}

describe("a hostile peer", { concurrent: false }, () => {
  const behaviours: readonly (readonly [string, (socket: Socket) => void])[] = [
    ["says nothing", () => undefined],
    [
      "sends an endless greeting",
      (socket: Socket) => flood(socket, Buffer.from("welcome\r\n".repeat(1_000))),
    ],
    ["sends a line without end", (socket: Socket) => flood(socket, Buffer.alloc(64 * 1024, "x"))],
    [
      "announces a packet of 4 GiB",
      (socket: Socket) =>
        void socket.write(Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), Buffer.alloc(64, 0xff)])),
    ],
    [
      "floods after its greeting",
      (socket: Socket) => {
        socket.write("SSH-2.0-x\r\n");
        flood(socket, Buffer.alloc(64 * 1024, 0));
      },
    ],
    ["hangs up at once", (socket: Socket) => void socket.destroy()],
    ["hangs up after its greeting", (socket: Socket) => void socket.end("SSH-2.0-x\r\n")],
    [
      "resets in the key exchange",
      (socket: Socket) => {
        socket.write("SSH-2.0-x\r\n");
        socket.once("data", () => socket.resetAndDestroy());
      },
    ],
    [
      "speaks another protocol",
      (socket: Socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
  ];
  it.for(behaviours)(
    "that %s costs a few seconds and little memory",
    async ([, onSocket], { expect }) => {
      const { failure, grownMib, ms } = await meet(onSocket);
      expect(["unreachable", "contract_violation"]).toContain(failure.kind);
      expect(grownMib).toBeLessThan(64);
      expect(ms).toBeLessThan(4_000);
    },
  );

  it("that sends more than its window is cut off", async ({ expect }) => {
    const test = await makeTestConnector();
    const server = await startTestServer({
      publicKey: test.ours.publicKey,
      onExec: (channel, command) => {
        // Past the window that we gave: as if it had been told of an endless one.
        Object.assign(Object(Reflect.get(channel, "outgoing")), {
          window: Number.MAX_SAFE_INTEGER,
        });
        const mark = /test\d{8}/.exec(command)?.[0];
        channel.write(`gpujob-${mark}:1\n`);
        channel.stderr.write(`gpujob-${mark}:1\n`);
        // An odd size: a window that is hit exactly is noticed by ssh2 itself.
        const chunk = Buffer.alloc(30_011, "x");
        for (let count = 0; count < 7_000; count += 1) channel.write(chunk);
      },
    });
    onTestFinished(async () => {
      await server.close();
      await test.remove();
    });
    const access: SshAccess = {
      kind: "ssh",
      host: "127.0.0.1",
      port: server.port,
      user: "a",
      auth: { kind: "our-key" },
      hostKeyPolicy: "first-use",
    };
    const channel = await test.connect(access, { signal: AbortSignal.timeout(5_000) });
    // Nobody reads the output.
    const execution = channel.exec(["x"], { signal: AbortSignal.timeout(15_000) });
    await expect(execution.exit).rejects.toMatchObject({
      failure: { kind: expect.stringMatching(/^contract_violation$/) },
    });
    await channel.close();
  });

  it("that opens channels of its own gets none, and programs go on", async ({ expect }) => {
    const test = await makeTestConnector();
    const server = await startTestServer({
      publicKey: test.ours.publicKey,
      onConnection: (connection) => {
        connection.on("ready", () => {
          for (let count = 0; count < 500; count += 1)
            connection.x11("127.0.0.1", 1, () => undefined);
        });
      },
    });
    onTestFinished(async () => {
      await server.close();
      await test.remove();
    });
    const access: SshAccess = {
      kind: "ssh",
      host: "127.0.0.1",
      port: server.port,
      user: "a",
      auth: { kind: "our-key" },
      hostKeyPolicy: "first-use",
    };
    const channel = await test.connect(access, { signal: AbortSignal.timeout(5_000) });
    expect((await runToEnd(channel, ["echo", "fine"])).stdout.toString()).toBe("fine\n");
    await channel.close();
  });

  it("whose bytes are damaged anywhere gives an error or an answer, never a crash or a wait without end", async ({
    expect,
  }) => {
    const test = await makeTestConnector({ limits: { connectMs: 2_000, startMs: 2_000 } });
    const server = await startTestServer({ publicKey: test.ours.publicKey });
    onTestFinished(async () => {
      await server.close();
      await test.remove();
    });
    // Where the damage sits: in the greeting, the key exchange, the log-in, and in what comes after.
    const places = [
      0, 5, 21, 40, 90, 300, 700, 1_100, 1_400, 1_500, 1_700, 1_900, 2_000, 2_100, 2_300, 2_600,
    ];
    const outcomes = await Promise.all(
      places.map((place) => meetThroughDamage(test, server.port, place)),
    );
    for (const outcome of outcomes)
      expect(outcome).toMatch(
        /^(fine|unreachable|unauthorized|contract_violation|unsupported_request)$/,
      );
    expect(new Set(outcomes).size).toBeGreaterThan(1);
  });
});

/** Connects through a middle man that flips one byte of what the server sends. */
async function meetThroughDamage(
  test: TestConnector,
  port: number,
  place: number,
): Promise<string> {
  const middle = await startRawServer((socket) => {
    const upstream = createConnection(port, "127.0.0.1").on("error", () => socket.destroy());
    let seen = 0;
    socket.pipe(upstream);
    socket.on("close", () => upstream.destroy());
    upstream.on("close", () => socket.destroy());
    upstream.on("data", (chunk: Buffer) => {
      const at = place - seen;
      seen += chunk.length;
      if (at >= 0 && at < chunk.length) chunk.writeUInt8((chunk[at] ?? 0) ^ 0x41, at);
      socket.write(chunk);
    });
  });
  onTestFinished(() => middle.close());
  const access: SshAccess = {
    kind: "ssh",
    host: "127.0.0.1",
    port: middle.port,
    user: "a",
    auth: { kind: "our-key" },
    hostKeyPolicy: "first-use",
  };
  try {
    const channel = await test.connect(access, { signal: AbortSignal.timeout(10_000) });
    await runToEnd(channel, ["echo", "fine"]);
    await channel.close();
    return "fine";
  } catch (error) {
    return toFailure(error).kind;
  }
}
