import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { describe, it } from "vitest";
import { gatherWrites } from "./gather-writes.ts";
import { startRawServer } from "./testing/server.ts";

/** A socket that gathers, and the other end of it. */
async function openPair(): Promise<{
  readonly near: Socket;
  readonly far: Socket;
  readonly close: () => Promise<void>;
}> {
  const accepted = Promise.withResolvers<Socket>();
  const server = await startRawServer(accepted.resolve);
  const near = createConnection({ port: server.port, host: "127.0.0.1", noDelay: true });
  gatherWrites(near);
  await once(near, "connect");
  return { near, far: await accepted.promise, close: () => server.close() };
}

describe("gatherWrites", () => {
  it("sends what is written in one turn in one piece", async ({ expect }) => {
    const { near, far, close } = await openPair();
    for (const word of ["first", "second"]) {
      const arriving = once(far, "data");
      for (const letter of word) near.write(letter);
      expect(String((await arriving)[0])).toBe(word);
    }
    await close();
  });

  it("loses nothing that is written just before the end", async ({ expect }) => {
    const { near, far, close } = await openPair();
    const chunks: Buffer[] = [];
    far.on("data", (chunk: Buffer) => chunks.push(chunk));
    near.write("a");
    near.write(Buffer.from("b"));
    near.end("c");
    await once(far, "end");
    expect(Buffer.concat(chunks).toString()).toBe("abc");
    await close();
  });
});
