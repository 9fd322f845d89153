import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startMetadataServer } from "@gpujob/adapter-kit/testing";
import type { CloudMachine, CloudStock } from "@gpujob/adapter-kit/testing";
import { onTestFinished } from "vitest";
// @boundaries-ignore a platform's emulator stands with the tests of its adapter, and is no part of any package
import { startEmulator } from "../../../adapters/aws-ec2/test/emulator/emulator.ts";
// @boundaries-ignore as above
import type { Emulator } from "../../../adapters/aws-ec2/test/emulator/emulator.ts";
// @boundaries-ignore as above
import { noticeOf, spotNotices } from "../../../adapters/aws-ec2/test/emulator/virtual-machine.ts";
// @boundaries-ignore as above
import { keySettings, makeKeys } from "../../../adapters/aws-ec2/test/keys.ts";
import { startSshHost } from "../../support/ssh-hosts.ts";
import type { SshHost } from "../../support/ssh-hosts.ts";

/** EC2 whose machines are containers with OpenSSH, and a home that is configured for it. */
export interface AwsCloud {
  readonly emulator: Emulator;
  /** Containers by the id of their machine. */
  readonly hosts: ReadonlyMap<string, SshHost>;
  readonly configuration: object;
  readonly environment: Readonly<Record<string, string>>;
}

/** One type on one market in one zone. */
export function stockOf(zone: string, count: number, over: Partial<CloudStock> = {}): CloudStock {
  const region = zone.slice(0, -1);
  const usual = { type: "g6e.xlarge", market: "on-demand", pricePerHour: 1.861 } as const;
  return { region, zone, count, ...usual, ...over };
}

export async function startAwsCloud(stock: readonly CloudStock[]): Promise<AwsCloud> {
  const keys = makeKeys();
  const hosts = new Map<string, SshHost>();
  const emulator: Emulator = await startEmulator({
    keys,
    stock,
    endMs: 500,
    async startMachine(machine, publicKey) {
      const host = await startSshHost({ users: [{ name: "ubuntu", authorizedKey: publicKey }] });
      hosts.set(machine.id, host);
      const metadata = await serveMetadata(
        () => emulator.market.find(machine.region, machine.id),
        host,
      );
      return {
        address: host.host,
        async stop() {
          await host.destroy();
          await metadata.close();
        },
      };
    },
  });
  onTestFinished(() => emulator.close());
  return {
    emulator,
    hosts,
    configuration: {
      currency: "USD",
      // A busy computer takes its time to load an SDK.
      timeouts: { offers: "30s" },
      platforms: {
        aws: {
          adapter: "aws-ec2",
          ...keySettings,
          regions: [...new Set(stock.map(({ region }) => region))],
          endpoint: emulator.url,
        },
      },
    },
    environment: {
      TEST_AWS_ID: keys.accessKeyId,
      TEST_AWS_KEY: keys.secretAccessKey,
      // What this computer knows of AWS is no part of the test.
      AWS_CONFIG_FILE: "/nonexistent",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
    },
  };
}

/** Gives a container the address at which EC2's machines ask about themselves. */
async function serveMetadata(
  find: () => CloudMachine | undefined,
  host: SshHost,
): Promise<{ close(): Promise<void> }> {
  const body = (): string | undefined => {
    const machine = find();
    return machine && noticeOf(machine);
  };
  const server = await startMetadataServer(spotNotices, { body, host: "0.0.0.0" });
  const rule = `gateway=$(ip route | awk '/^default/ { print $3 }')
iptables -t nat -A OUTPUT -p tcp -d 169.254.169.254 --dport 80 -j DNAT --to-destination "$gateway:${server.port}"`;
  const { exitCode, stderr } = await host.exec(["sh", "-c", rule]);
  if (exitCode !== 0) throw new Error(`The metadata address could not be made: ${stderr}`);
  return server;
}

/** Writes the configuration where a program or a library with this home finds it. */
export async function writeHome(home: string, cloud: AwsCloud, more: object = {}): Promise<void> {
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  // JSON is YAML.
  const text = JSON.stringify({ ...cloud.configuration, ...more });
  await writeFile(join(home, "state", "config.yaml"), text, { mode: 0o600 });
}
