import {
  createHash,
  createPrivateKey,
  generateKeyPair as generate,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from "node:crypto";
import { promisify } from "node:util";
import { GpujobError, type Secret } from "@gpujob/spec";
import ssh2 from "ssh2";
import { expandPath, type SshFiles } from "./files.ts";

/** A key pair in OpenSSH's own format, without a passphrase. */
export interface SshKeyPair {
  /** The text of the private key file. Keep it in a 0600 file. */
  readonly privateKey: string;
  /** One line for `authorized_keys`. */
  readonly publicKey: string;
}

/** Makes a new ed25519 key pair. `comment` ends the public line; one word. */
export async function generateKeyPair(comment = "gpujob"): Promise<SshKeyPair> {
  const { privateKey } = await promisify(generate)("ed25519");
  return toKeyPair(privateKey, comment);
}

/** What comes before the 32 bytes of an ed25519 key in PKCS #8: RFC 8410 (2026-11). */
const pkcs8Head = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * The ed25519 key pair that belongs to a name: the same each time for the same private key, and without it as hard to
 * guess as any other. For keys that several processes must agree on and nobody stores.
 */
export function deriveKeyPair(from: SshKeyPair, name: string, comment = "gpujob"): SshKeyPair {
  const seed = Buffer.from(hkdfSync("sha256", keyBytes(from), "", `gpujob key ${name}`, 32));
  const key = Buffer.concat([pkcs8Head, seed]);
  return toKeyPair(createPrivateKey({ key, format: "der", type: "pkcs8" }), comment);
}

/** The secret itself: the file around it is written anew with other random bytes by some tools. */
function keyBytes({ privateKey }: SshKeyPair): string {
  return parsePrivateKey(privateKey, "our key").getPrivatePEM();
}

function toKeyPair(privateKey: KeyObject, comment: string): SshKeyPair {
  const jwk = privateKey.export({ format: "jwk" });
  const secret = Buffer.from(jwk.d ?? "", "base64url");
  const point = Buffer.from(jwk.x ?? "", "base64url");
  const blob = Buffer.concat([field("ssh-ed25519"), field(point)]);
  return {
    privateKey: toPrivateFile(
      blob,
      Buffer.concat([
        field("ssh-ed25519"),
        field(point),
        field(Buffer.concat([secret, point])),
        field(comment),
      ]),
    ),
    publicKey: `ssh-ed25519 ${blob.toString("base64")} ${comment}`,
  };
}

/** The `openssh-key-v1` container: https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key (2026-11). */
function toPrivateFile(publicBlob: Buffer, privateFields: Buffer): string {
  const check = randomBytes(4);
  const open = Buffer.concat([check, check, privateFields]);
  const padding = Buffer.from(
    Array.from({ length: (8 - (open.length % 8)) % 8 }, (_, index) => index + 1),
  );
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    Buffer.from([0, 0, 0, 1]),
    field(publicBlob),
    field(Buffer.concat([open, padding])),
  ]);
  const lines = body.toString("base64").match(/.{1,70}/g) ?? [];
  const marker = "OPENSSH PRIVATE KEY";
  return [`-----BEGIN ${marker}-----`, ...lines, `-----END ${marker}-----`, ""].join("\n");
}

function field(value: string | Buffer): Buffer {
  const content = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

/** The fingerprint of a public key blob, as `ssh-keygen -l` prints it: `SHA256:…`. */
export function fingerprintKey(blob: Buffer): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** The type that a public key blob names itself, such as `ssh-ed25519`. */
export function readKeyType(blob: Buffer): string {
  if (blob.length < 4) return "";
  return blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
}

/**
 * Reads a private key file. Refuses one that others could read, one that is missing or no key, and one whose passphrase is
 * missing or wrong: `config_invalid` with the command that mends it.
 */
export async function readPrivateKey(
  path: string,
  options: { readonly files: SshFiles; readonly passphrase?: Secret },
): Promise<ssh2.ParsedKey> {
  const { files, passphrase } = options;
  const place = expandPath(path, files.home);
  const text = await files.read(place);
  if (text === undefined)
    throw invalid(
      `The key file ${path} does not exist.`,
      "Check the path under `key`, or make a key with ssh-keygen.",
    );
  const mode = await files.readMode(place);
  if (mode !== undefined && (mode & 0o077) !== 0) {
    throw invalid(
      `The key file ${path} can be read by others (mode ${mode.toString(8)}), so it is not used.`,
      `chmod 600 ${place}`,
    );
  }
  return parsePrivateKey(text, path, passphrase);
}

/** Reads the text of a private key; `name` is for messages. Throws `config_invalid`. */
export function parsePrivateKey(text: string, name: string, passphrase?: Secret): ssh2.ParsedKey {
  const found = ssh2.utils.parseKey(text, passphrase?.reveal());
  if (found instanceof Error) throw unreadable(name, found, passphrase !== undefined);
  // The types promise one key, yet old ssh2 formats gave a list.
  const key = Array.isArray(found) ? found[0] : found;
  if (key === undefined || !key.isPrivateKey())
    throw invalid(
      `${name} holds no private key.`,
      "Name the private key file, not the one that ends in .pub.",
    );
  return key;
}

/** Does this text need a passphrase? */
export function isEncryptedKey(text: string): boolean {
  const found = ssh2.utils.parseKey(text);
  return found instanceof Error && /encrypted|passphrase/i.test(found.message);
}

function unreadable(name: string, error: Error, hadPassphrase: boolean): GpujobError {
  if (!/encrypted|passphrase|bad decrypt|integrity/i.test(error.message)) {
    return invalid(
      `${name} cannot be read as a private key (${error.message}).`,
      "Use a key in OpenSSH or PEM format.",
    );
  }
  if (hadPassphrase)
    return invalid(`The passphrase of ${name} is wrong.`, "Check the `passphrase` reference.");
  return invalid(
    `${name} needs a passphrase.`,
    `Add it to the agent with \`ssh-add ${name}\` and set \`agent: true\`, or give \`passphrase\`.`,
  );
}

function invalid(message: string, hint: string): GpujobError {
  return new GpujobError("config_invalid", message, { hint });
}
