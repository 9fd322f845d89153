import { appendFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SshKeyPair } from "@gpujob/ssh";
import { generateKeyPair } from "@gpujob/ssh";
import type { SshHost, SshHostOptions } from "@gpujob/test/support/ssh-hosts.ts";
import { removeTestContainers, startSshHost } from "@gpujob/test/support/ssh-hosts.ts";
import { inFolder, writeConfig } from "./gpujob.ts";

/** Real hosts, a configuration that names them, and the way to them by hand. */
export interface Lab {
  /** Home folder of the user; `GPUJOB_HOME` is `state` in it. */
  readonly home: string;
  readonly hosts: readonly SshHost[];
  readonly key: SshKeyPair;
  /** Words of `ssh` that reach a host with our key and its known host key, and ask nobody. */
  readonly sshWords: (door: SshDoor) => readonly string[];
}

/** An address and the host key that must be behind it. */
type SshDoor = Pick<SshHost, "host" | "port" | "hostKey">;

/** Starts hosts, uses them and removes them. */
export async function withLab<Value>(
  count: number,
  use: (lab: Lab) => Promise<Value>,
  options: Partial<SshHostOptions> & { readonly config?: string } = {},
): Promise<Value> {
  const { config = "", ...hostOptions } = options;
  const key = await generateKeyPair();
  return inFolder(async (home) => {
    try {
      const users = [{ name: "student", authorizedKey: key.publicKey }];
      const start = (): Promise<SshHost> => startSshHost({ users, ...hostOptions });
      const hosts = await Promise.all(Array.from({ length: count }, start));
      const keyPath = join(home, "key");
      await writeFile(keyPath, key.privateKey, { mode: 0o600 });
      await writeConfig(home, `${describeHosts(hosts, keyPath)}${config}`);
      return await use({ home, hosts, key, sshWords: (door) => sshWords(door, home) });
    } finally {
      await removeTestContainers();
    }
  });
}

/** The first is the cheapest, so it is the one that is used. */
function describeHosts(hosts: readonly SshHost[], key: string): string {
  const list = hosts.map(
    ({ host, port, hostKeyFingerprint }, index) =>
      `      - { ssh: "student@${host}:${port}", key: ${key}, hostKey: "${hostKeyFingerprint}", price: ${index} CNY/h }\n`,
  );
  return `platforms:\n  lab:\n    adapter: ssh-host\n    hosts:\n${list.join("")}`;
}

function sshWords({ host, port, hostKey }: SshDoor, home: string): readonly string[] {
  const known = join(home, "known_hosts");
  appendFileSync(known, `${port === 22 ? host : `[${host}]:${port}`} ${hostKey}\n`);
  const options = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${known}`,
  ].flatMap((option) => ["-o", option]);
  return ["ssh", "-F", "none", "-i", join(home, "key"), "-p", String(port), ...options];
}
