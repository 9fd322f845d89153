import type { CloudStock } from "@gpujob/adapter-kit/testing";
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
import type { SshHost } from "../../support/ssh-hosts.ts";
import type { CloudKind, CloudLab } from "./cloud-lab.ts";
import { startCloudMachine } from "./cloud-lab.ts";

const region = "cn-hangzhou";

/** Also with the hands that only this cloud's own stories need. */
interface AliyunLab extends CloudLab {
  readonly emulator: Emulator;
}

/** ECS whose machines are containers with OpenSSH. */
export async function startAliyunCloud(stock: readonly CloudStock[]): Promise<AliyunLab> {
  const keys = makeKeys();
  const hosts = new Map<string, SshHost>();
  const emulator: Emulator = await startEmulator({
    keys,
    stock,
    startMachine: (machine, publicKey) =>
      startCloudMachine(
        {
          user: "root",
          publicKey,
          metadataAddress,
          notices: spotNotices,
          noticeOf,
          find: () => emulator.market.find(machine.region, machine.id),
        },
        (host) => hosts.set(machine.id, host),
      ),
  });
  onTestFinished(() => emulator.close());
  return {
    emulator,
    market: emulator.market,
    requests: emulator.requests,
    hosts,
    configuration: {
      // A busy computer takes its time to load an SDK.
      timeouts: { offers: "30s" },
      platforms: {
        aliyun: { adapter: "aliyun", ...keySettings, regions: [region], endpoint: emulator.url },
      },
    },
    environment: { TEST_ALIYUN_ID: keys.accessKeyId, TEST_ALIYUN_KEY: keys.accessKeySecret },
    loseNextCreateReply: emulator.helpers.loseNextCreateReply,
    refuseNextLaunch: () =>
      emulator.refuseNext("RunInstances", { code: "OperationDenied.NoStock", status: 403 }),
    leftovers: () => emulator.leftovers(region),
  };
}

export const aliyunCloud: CloudKind = {
  name: "aliyun",
  title: "Alibaba Cloud",
  start: startAliyunCloud,
  zones: ["cn-hangzhou-i", "cn-hangzhou-j"],
  gpu: "A10",
  type: "ecs.gn7i-c8g1.2xlarge",
  fast: { gpu: "H20:2", type: "ecs.gn8v-2x.8xlarge" },
  stockOf: (zone, count, over = {}) => ({
    region,
    zone,
    count,
    type: "ecs.gn7i-c8g1.2xlarge",
    market: "on-demand",
    pricePerHour: 9.74,
    ...over,
  }),
  // It has just shown stock.
  firstZoneCount: 2,
  launchesOf: (requests) =>
    requests.flatMap(({ headers, query }) =>
      headers["x-acs-action"] === "RunInstances"
        ? [
            {
              token: query.get("ClientToken") ?? "",
              hasFabric: query.get("NetworkInterface.1.NetworkInterfaceTrafficMode") !== null,
            },
          ]
        : [],
    ),
  noticeMs: 300_000,
  currency: "CNY",
};
