import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startMetadataServer } from "@gpujob/adapter-kit/testing";
import type { CloudMachine, CloudStock } from "@gpujob/adapter-kit/testing";
import { onTestFinished } from "vitest";
// @boundaries-ignore a platform's emulator stands with the tests of its adapter, and is no part of any package
import { startEmulator } from "../../../adapters/aliyun/test/emulator/emulator.ts";
// @boundaries-ignore as above
import type { Emulator } from "../../../adapters/aliyun/test/emulator/emulator.ts";
// @boundaries-ignore as above
import {
  metadataAddress,
  noticeOf,
  spotNotices,
} from "../../../adapters/aliyun/test/emulator/virtual-machine.ts";
// @boundaries-ignore as above
import { keySettings, makeKeys } from "../../../adapters/aliyun/test/keys.ts";
import { startSshHost } from "../../support/ssh-hosts.ts";
import type { SshHost } from "../../support/ssh-hosts.ts";

/** ECS whose machines are containers with OpenSSH, and a home that is configured for it. */
export interface AliyunCloud {
  readonly emulator: Emulator;
  /** Containers by the id of their machine. */
  readonly hosts: ReadonlyMap<string, SshHost>;
  readonly configuration: object;
  readonly environment: Readonly<Record<string, string>>;
}

/** One type on one market in one zone. */
export function stockOf(zone: string, count: number, over: Partial<CloudStock> = {}): CloudStock {
  const region = zone.slice(0, zone.lastIndexOf("-"));
  const usual = { type: "ecs.gn7i-c8g1.2xlarge", market: "on-demand", pricePerHour: 9.74 } as const;
  return { region, zone, count, ...usual, ...over };
}

export async function startAliyunCloud(stock: readonly CloudStock[]): Promise<AliyunCloud> {
  const keys = makeKeys();
  const hosts = new Map<string, SshHost>();
  const emulator: Emulator = await startEmulator({
    keys,
    stock,
    async startMachine(machine, publicKey) {
      const host = await startSshHost({ users: [{ name: "root", authorizedKey: publicKey }] });
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
      // A busy computer takes its time to load an SDK.
      timeouts: { offers: "30s" },
      platforms: {
        aliyun: {
          adapter: "aliyun",
          ...keySettings,
          regions: [...new Set(stock.map(({ region }) => region))],
          endpoint: emulator.url,
        },
      },
    },
    environment: {
      TEST_ALIYUN_ID: keys.accessKeyId,
      TEST_ALIYUN_KEY: keys.accessKeySecret,
    },
  };
}

/** Gives a container the address at which ECS machines ask about themselves. */
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
iptables -t nat -A OUTPUT -p tcp -d ${metadataAddress} --dport 80 -j DNAT --to-destination "$gateway:${server.port}"`;
  const { exitCode, stderr } = await host.exec(["sh", "-c", rule]);
  if (exitCode !== 0) throw new Error(`The metadata address could not be made: ${stderr}`);
  return server;
}

/** Writes the configuration where a program or a library with this home finds it. */
export async function writeHome(
  home: string,
  cloud: AliyunCloud,
  more: object = {},
): Promise<void> {
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  // JSON is YAML.
  const text = JSON.stringify({ ...cloud.configuration, ...more });
  await writeFile(join(home, "state", "config.yaml"), text, { mode: 0o600 });
}
