import type { Interruption, NodeAccess } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { it, onTestFinished } from "vitest";
import { createMetadataNotices } from "./metadata-notices.ts";
import { startMetadataServer } from "./testing/clouds/metadata-server.ts";
import { localChannel } from "./testing/local-channel.ts";
import { createTestClock } from "./testing/test-clock.ts";

const wait = { signal: new AbortController().signal };
const access: NodeAccess & { readonly kind: "ssh" } = {
  kind: "ssh",
  host: "192.0.2.1",
  port: 22,
  user: "root",
  auth: { kind: "our-key" },
};
const token = { path: "/token", lifeHeader: "X-Life", useHeader: "X-Token" };
const read = (body: string): Interruption => ({ reason: body });

async function start(withToken: boolean) {
  const state: { body?: string; isDown: boolean; opened: number } = { isDown: false, opened: 0 };
  const service = { path: "/notice", ...(withToken ? { token } : {}) };
  const server = await startMetadataServer(service, { body: () => state.body });
  const clock = createTestClock();
  const notices = createMetadataNotices({
    platform: "cloud",
    clock,
    connect: async () => {
      state.opened += 1;
      if (state.isDown) throw new PlatformError("unreachable", "Nobody answers.");
      return localChannel();
    },
    service: { ...service, address: "127.0.0.1", port: server.port, read },
  });
  onTestFinished(async () => {
    await notices.close();
    await server.close();
  });
  const look = () => notices.look("lease", async () => access, wait);
  return { state, clock, notices, look };
}

it.for([true, false])(
  "reads a notice from inside the machine, with a session: %s",
  async (withToken, { expect }) => {
    const { state, look } = await start(withToken);
    expect(await look()).toBeUndefined();
    state.body = '{"action":"terminate"}';
    expect(await look()).toEqual({ reason: '{"action":"terminate"}' });
    expect(state.opened).toBe(1);
  },
);

it("says nothing of a machine that cannot be reached, and leaves it alone for a while", async ({
  expect,
}) => {
  const { state, clock, look } = await start(false);
  state.isDown = true;
  state.body = "soon";
  expect(await look()).toBeUndefined();
  expect(await look()).toBeUndefined();
  expect(state.opened).toBe(1);
  state.isDown = false;
  await clock.advance(11_000);
  expect(await look()).toEqual({ reason: "soon" });
});

it("never asks a machine that gets no notices", async ({ expect }) => {
  const { state, notices, look } = await start(false);
  state.body = "soon";
  expect(await notices.look("calm", async () => undefined, wait)).toBeUndefined();
  expect(state.opened).toBe(0);
  expect(await look()).toEqual({ reason: "soon" });
});

it("is cancelled as any other wait", async ({ expect }) => {
  const { notices } = await start(false);
  const looking = notices.look("lease", async () => access, { signal: AbortSignal.abort() });
  await expect(looking).rejects.toMatchObject({ failure: { kind: "aborted" } });
});
