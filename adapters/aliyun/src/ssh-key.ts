import { createHash, createPublicKey, generateKeyPair } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The key pair of this platform: ECS takes no ed25519 key, which the one of the installation is. */
export interface RsaKey {
  /** The private key's file. */
  readonly path: string;
  /** One OpenSSH line without a comment. */
  readonly publicKey: string;
}

/** The key pair of a folder, made once and closed to others; of two that make it at once, one stays. */
export async function loadRsaKey(folder: string): Promise<RsaKey> {
  const path = rsaKeyPath(folder);
  const read = async (): Promise<RsaKey> => ({
    path,
    publicKey: toOpenSsh(await readFile(path, "utf8")),
  });
  try {
    return await read();
  } catch {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { privateKey } = await promisify(generateKeyPair)("rsa", {
      modulusLength: 3072,
      // The form that SSH libraries read too.
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
      publicKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    await writeOnce(path, privateKey);
    return read();
  }
}

export function rsaKeyPath(folder: string): string {
  return join(folder, "id_rsa");
}

/** A name made of the key, so that a name is never another key. */
export function keyNameOf(publicKey: string, installation: string): string {
  const digest = createHash("sha256").update(publicKey).digest("hex").slice(0, 16);
  return `gpujob-${installation}-${digest}`;
}

async function writeOnce(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** `ssh-rsa` and the base64 of its name, exponent and modulus, each with its length before it. */
function toOpenSsh(privatePem: string): string {
  const { e = "", n = "" } = createPublicKey(privatePem).export({ format: "jwk" });
  const parts = [Buffer.from("ssh-rsa"), ...[e, n].map(toInteger)];
  const blob = Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]));
  return `ssh-rsa ${blob.toString("base64")}`;
}

/** A first bit of 1 would mean a negative number. */
function toInteger(base64: string): Buffer {
  const bytes = Buffer.from(base64, "base64url");
  return (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}
