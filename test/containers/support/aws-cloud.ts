import type { CloudStock } from "@gpujob/adapter-kit/testing";
import { onTestFinished } from "vitest";
// @boundaries-ignore a platform's emulator stands with the tests of its adapter, and is no part of any package
import { startEmulator } from "../../../adapters/aws-ec2/test/emulator/emulator.ts";
// @boundaries-ignore as above
import type { Emulator } from "../../../adapters/aws-ec2/test/emulator/emulator.ts";
// @boundaries-ignore as above
import { noticeOf, spotNotices } from "../../../adapters/aws-ec2/test/emulator/virtual-machine.ts";
// @boundaries-ignore as above
import { keySettings, makeKeys } from "../../../adapters/aws-ec2/test/keys.ts";
import type { SshHost } from "../../support/ssh-hosts.ts";
import type { CloudKind, CloudLab } from "./cloud-lab.ts";
import { startCloudMachine } from "./cloud-lab.ts";

const region = "us-east-1";

/** EC2 whose machines are containers with OpenSSH. */
async function start(stock: readonly CloudStock[]): Promise<CloudLab> {
  const keys = makeKeys();
  const hosts = new Map<string, SshHost>();
  const emulator: Emulator = await startEmulator({
    keys,
    stock,
    endMs: 500,
    startMachine: (machine, publicKey) =>
      startCloudMachine(
        {
          user: "ubuntu",
          publicKey,
          metadataAddress: "169.254.169.254",
          notices: spotNotices,
          noticeOf,
          find: () => emulator.market.find(machine.region, machine.id),
        },
        (host) => hosts.set(machine.id, host),
      ),
  });
  onTestFinished(() => emulator.close());
  return {
    market: emulator.market,
    requests: emulator.requests,
    hosts,
    configuration: {
      currency: "USD",
      // A busy computer takes its time to load an SDK.
      timeouts: { offers: "30s" },
      platforms: {
        aws: { adapter: "aws-ec2", ...keySettings, regions: [region], endpoint: emulator.url },
      },
    },
    environment: {
      TEST_AWS_ID: keys.accessKeyId,
      TEST_AWS_KEY: keys.secretAccessKey,
      // What this computer knows of AWS is no part of the test.
      AWS_CONFIG_FILE: "/nonexistent",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
    },
    loseNextCreateReply: emulator.helpers.loseNextCreateReply,
    leftovers: () => emulator.leftovers(region),
  };
}

export const awsCloud: CloudKind = {
  name: "aws",
  title: "EC2",
  start,
  zones: ["us-east-1a", "us-east-1b"],
  gpu: "L40S",
  type: "g6e.xlarge",
  fast: { gpu: "A100:8", type: "p4d.24xlarge" },
  stockOf: (zone, count, over = {}) => ({
    region,
    zone,
    count,
    type: "g6e.xlarge",
    market: "on-demand",
    pricePerHour: 1.861,
    ...over,
  }),
  firstZoneCount: 0,
  launchesOf: (requests) =>
    requests.flatMap(({ text }) => {
      const form = new URLSearchParams(text);
      if (form.get("Action") !== "RunInstances") return [];
      const hasFabric = form.get("NetworkInterface.1.InterfaceType") === "efa";
      return [{ token: form.get("ClientToken") ?? "", hasFabric }];
    }),
  noticeMs: 120_000,
  currency: "USD",
};
