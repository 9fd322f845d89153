import { createSecretKey } from "node:crypto";
import type { Client } from "ssh2";

/** Where ssh2's ciphers hold their keys, by part of its protocol. */
const places = {
  _cipher: ["_encKey", "_encKeyMain", "_encKeyPktLen"],
  _decipher: ["_decipherKey", "_decKeyMain", "_decKeyPktLen"],
} as const;

/**
 * Keeps the keys of a connection in the form in which Node takes them at once, after each key exchange. ssh2 makes a cipher
 * for each packet from the key's bytes, and to prepare those costs more than to encrypt a packet of 32 KiB. An ssh2 that
 * keeps its keys otherwise goes on as it is.
 */
export function prepareKeys(client: Client): void {
  client.on("handshake", () => {
    for (const [part, fields] of Object.entries(places)) {
      const cipher = read(read(client, "_protocol"), part);
      for (const field of fields) {
        const key = read(cipher, field);
        if (Buffer.isBuffer(key)) Object.assign(Object(cipher), { [field]: createSecretKey(key) });
      }
    }
  });
}

function read(from: unknown, name: string): unknown {
  return typeof from === "object" && from !== null ? Reflect.get(from, name) : undefined;
}
