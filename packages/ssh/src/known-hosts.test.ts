import { createHmac } from "node:crypto";
import { describe, it } from "vitest";
import { fingerprintKey, generateKeyPair } from "./keys.ts";
import { findKnownHost, parseKnownHosts } from "./known-hosts.ts";

const keys = await Promise.all([generateKeyPair(), generateKeyPair()]);
const [one, two] = keys.map(({ publicKey }) => publicKey.split(" ").slice(0, 2).join(" "));
const print = (line = ""): string =>
  fingerprintKey(Buffer.from(line.split(" ")[1] ?? "", "base64"));

function hashed(name: string): string {
  const salt = Buffer.alloc(20, 7);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

describe("known_hosts", () => {
  it.for([
    ["plain.example", "plain.example", 22, true],
    ["plain.example", "plain.example", 2222, false],
    ["[plain.example]:2222", "plain.example", 2222, true],
    ["a,b,*.lan", "x.lan", 22, true],
    ["*.lan,!bad.lan", "bad.lan", 22, false],
    ["node?", "node1", 22, true],
    ["PLAIN.Example", "plain.example", 22, true],
    [hashed("h1"), "h1", 22, true],
    [hashed("[h1]:99"), "h1", 99, true],
    [hashed("h1"), "h2", 22, false],
  ] as const)("%s is read for %s:%i", ([names, host, port, isKnown], { expect }) => {
    const found = findKnownHost(parseKnownHosts(`${names} ${one}\n`), host, port);
    expect(found.keys.map(({ fingerprint }) => fingerprint)).toEqual(isKnown ? [print(one)] : []);
  });

  it("tells revoked keys and certificate authorities apart, and skips what makes no sense", ({
    expect,
  }) => {
    const text = `# comment\n\n@revoked h ${one}\n@cert-authority h ${two}\nh ssh-ed25519 nonsense\nh\n@what h ${one}\n`;
    expect(findKnownHost(parseKnownHosts(text), "h", 22)).toEqual({
      keys: [],
      revoked: [print(one)],
      hasAuthority: true,
    });
  });
});
