import { KeyObject, randomBytes } from "node:crypto";
import { once } from "node:events";
import ssh2, { type CipherAlgorithm, type Client, type ClientChannel, type Connection } from "ssh2";
import { describe, it } from "vitest";
import { prepareKeys } from "./prepare-keys.ts";
import { startTestServer, type TestSshServer } from "./testing/server.ts";

async function openClient(port: number, cipher: CipherAlgorithm): Promise<Client> {
  const client = new ssh2.Client();
  prepareKeys(client);
  client.connect({
    host: "127.0.0.1",
    port,
    username: "me",
    password: "open",
    algorithms: { cipher: [cipher] },
  });
  await once(client, "ready");
  return client;
}

async function close(client: Client, server: TestSshServer): Promise<void> {
  client.end();
  await once(client, "close");
  await server.close();
}

/** What `cat` on the other side makes of it. */
async function echo(client: Client, content: Buffer): Promise<Buffer> {
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec("cat", (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
  });
  channel.end(content);
  const chunks: Buffer[] = [];
  for await (const chunk of channel) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The keys that ssh2 takes for each packet, there and back. Its own names: a new ssh2 may have others, and shows here. */
function listKeys(client: Client): unknown[] {
  const protocol: unknown = Reflect.get(client, "_protocol");
  return [
    ["_cipher", ["_encKey", "_encKeyMain"]] as const,
    ["_decipher", ["_decipherKey", "_decKeyMain"]] as const,
  ].flatMap(([part, names]) => {
    const cipher: unknown = Reflect.get(Object(protocol), part);
    return names.flatMap((name) => Reflect.get(Object(cipher), name) ?? []);
  });
}

describe("prepareKeys", () => {
  for (const cipher of ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"] as const) {
    it(`keeps ${cipher} right, also after a new key exchange`, async ({ expect }) => {
      const arrived = Promise.withResolvers<Connection>();
      const server = await startTestServer({ password: "open", onConnection: arrived.resolve });
      const client = await openClient(server.port, cipher);
      const content = randomBytes(300_000);
      expect((await echo(client, content)).equals(content)).toBe(true);
      const before = listKeys(client);
      const again = once(client, "handshake");
      (await arrived.promise).rekey();
      await again;
      expect((await echo(client, content)).equals(content)).toBe(true);
      const keys = [...before, ...listKeys(client)];
      expect(keys).toHaveLength(4);
      for (const key of keys) expect(key).toBeInstanceOf(KeyObject);
      expect(new Set(keys).size).toBe(4);
      await close(client, server);
    });
  }

  it("leaves a cipher alone that keeps no key", async ({ expect }) => {
    const server = await startTestServer({ password: "open" });
    const client = await openClient(server.port, "aes256-ctr");
    const content = randomBytes(300_000);
    expect((await echo(client, content)).equals(content)).toBe(true);
    expect(listKeys(client)).toEqual([]);
    await close(client, server);
  });
});
