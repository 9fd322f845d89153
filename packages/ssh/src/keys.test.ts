import { execFileSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { Secret } from "@gpujob/spec";
import { describe, it } from "vitest";
import { localFiles } from "./files.ts";
import { deriveKeyPair, generateKeyPair, parsePrivateKey, readPrivateKey } from "./keys.ts";
import { makeTestConnector } from "./testing/connector.ts";

describe("keys", () => {
  it("makes pairs whose halves belong together, every time", async ({ expect }) => {
    for (const pair of await Promise.all(Array.from({ length: 50 }, () => generateKeyPair("me")))) {
      const key = parsePrivateKey(pair.privateKey, "test");
      expect(`ssh-ed25519 ${key.getPublicSSH().toString("base64")} me`).toBe(pair.publicKey);
      expect(key.verify("text", key.sign("text"))).toBe(true);
    }
  });

  it("derives the same pair for the same name each time, and another for each name and key", async ({
    expect,
  }) => {
    const [one, other] = await Promise.all([generateKeyPair(), generateKeyPair()]);
    const pair = deriveKeyPair(one, "r-1 1");
    const key = parsePrivateKey(pair.privateKey, "test");
    expect(`ssh-ed25519 ${key.getPublicSSH().toString("base64")} gpujob`).toBe(pair.publicKey);
    expect(key.verify("text", key.sign("text"))).toBe(true);
    expect(deriveKeyPair(one, "r-1 1").publicKey).toBe(pair.publicKey);
    const others = [deriveKeyPair(one, "r-1 2"), deriveKeyPair(other, "r-1 1"), one];
    for (const { publicKey } of others) expect(publicKey).not.toBe(pair.publicKey);
  });

  it("refuses a key that others could read, with the command that mends it", async ({ expect }) => {
    const test = await makeTestConnector();
    const path = await test.writeHome("key", test.ours.privateKey);
    const files = localFiles({ home: test.home });
    await chmod(path, 0o644);
    await expect(readPrivateKey("~/key", { files })).rejects.toMatchObject({
      failure: { kind: "config_invalid", hint: `chmod 600 ${path}` },
    });
    await chmod(path, 0o600);
    await expect(readPrivateKey("~/key", { files })).resolves.toBeDefined();
    await test.remove();
  });

  it("says of a key file what is wrong with it", async ({ expect }) => {
    const test = await makeTestConnector();
    const files = localFiles({ home: test.home });
    await expect(readPrivateKey("~/none", { files })).rejects.toThrow(/does not exist/);
    await test.writeHome("text", "hello");
    await expect(readPrivateKey("~/text", { files })).rejects.toThrow(
      /cannot be read as a private key/,
    );
    await test.writeHome("public", test.ours.publicKey);
    await expect(readPrivateKey("~/public", { files })).rejects.toThrow(/holds no private key/);
    await test.remove();
  });

  it("opens a key with its passphrase, and says when it is missing or wrong", async ({
    expect,
    skip,
  }) => {
    const test = await makeTestConnector();
    const path = await test.writeHome("locked", test.ours.privateKey);
    try {
      execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "open sesame", "-f", path]);
    } catch {
      skip("there is no ssh-keygen here");
    }
    const files = localFiles({ home: test.home });
    await expect(readPrivateKey("~/locked", { files })).rejects.toThrow(/needs a passphrase/);
    await expect(
      readPrivateKey("~/locked", { files, passphrase: new Secret("no") }),
    ).rejects.toThrow(/is wrong/);
    const key = await readPrivateKey("~/locked", { files, passphrase: new Secret("open sesame") });
    expect(key.getPublicSSH().toString("base64")).toBe(test.ours.publicKey.split(" ")[1]);
    await writeFile(path, "");
    await test.remove();
  });
});
