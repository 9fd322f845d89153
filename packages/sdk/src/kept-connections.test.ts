import { createTestClock } from "@gpujob/adapter-kit/testing";
import type { Channel, Connect, ExecExit } from "@gpujob/spec";
import { PassThrough } from "node:stream";
import { describe, it } from "vitest";
import { keepConnections } from "./kept-connections.ts";

const access = {
  kind: "ssh",
  host: "10.0.0.5",
  port: 22,
  user: "me",
  auth: { kind: "our-key" },
} as const;
const wait = { signal: new AbortController().signal };

/** Channels that count; every program ends as told. */
function makeWorld(exit: () => Promise<ExecExit> = async () => ({ code: 0 })) {
  const clock = createTestClock();
  const counts = { opened: 0, closed: 0 };
  const connect: Connect = async () => {
    counts.opened += 1;
    const streams = (): PassThrough => new PassThrough();
    const channel: Channel = {
      exec: () => ({ stdin: streams(), stdout: streams(), stderr: streams(), exit: exit() }),
      close: async () => void (counts.closed += 1),
    };
    return channel;
  };
  return { clock, counts, kept: keepConnections(connect, clock) };
}

async function use(channel: Channel): Promise<void> {
  await channel.exec(["true"], wait).exit.catch(() => undefined);
  await channel.close();
}

describe("keepConnections", () => {
  it("uses a connection again that was given back a moment ago", async ({ expect }) => {
    const { kept, counts } = makeWorld();
    await use(await kept.connect(access, wait));
    await use(await kept.connect(access, wait));
    expect(counts).toEqual({ opened: 1, closed: 0 });
    await use(await kept.connect({ ...access, user: "other" }, wait));
    expect(counts.opened).toBe(2);
  });

  it("closes one that nobody wants, and all at the end", async ({ expect }) => {
    const { kept, counts, clock } = makeWorld();
    await use(await kept.connect(access, wait));
    await clock.advance(2000);
    expect(counts).toEqual({ opened: 1, closed: 1 });
    await use(await kept.connect(access, wait));
    await kept.close();
    expect(counts).toEqual({ opened: 2, closed: 2 });
    await use(await kept.connect(access, wait));
    expect(counts).toEqual({ opened: 3, closed: 3 });
  });

  it("does not keep one on which something broke or still runs", async ({ expect }) => {
    const broken = makeWorld(async () => Promise.reject(new Error("gone")));
    await use(await broken.kept.connect(access, wait));
    expect(broken.counts).toEqual({ opened: 1, closed: 1 });
    const busy = makeWorld(() => new Promise(() => undefined));
    const channel = await busy.kept.connect(access, wait);
    channel.exec(["sleep", "9"], wait);
    await channel.close();
    expect(busy.counts).toEqual({ opened: 1, closed: 1 });
  });

  it("hands one over for good, and no other user gets it", async ({ expect }) => {
    const { kept, counts } = makeWorld();
    await use(await kept.connect(access, wait));
    const taken = kept.take(access);
    expect(kept.take(access)).toBeUndefined();
    await kept.close();
    expect(counts).toEqual({ opened: 1, closed: 0 });
    await taken?.close();
    expect(counts.closed).toBe(1);
  });
});
