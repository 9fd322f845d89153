import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import aws from "../src/index.ts";
import type { Emulator } from "./emulator/emulator.ts";
import { startEmulator } from "./emulator/emulator.ts";
import { createVirtualMachines } from "./emulator/virtual-machine.ts";
import { keySettings, makeKeys } from "./keys.ts";

describeAdapter(aws, {
  title: "aws-ec2 on its emulator",
  async setup() {
    const keys = makeKeys();
    const emulator: Emulator = await startEmulator({ keys, bootMs: 60, endMs: 60, lagMs: 30 });
    const virtual = createVirtualMachines(() => emulator);
    const config = { ...keySettings, regions: ["us-east-1", "eu-west-1"], endpoint: emulator.url };
    const { market } = emulator;
    return {
      platform: aws.create(
        aws.configSchema.parse(config),
        createTestContext({
          platform: "aws",
          connect: virtual.connect,
          secrets: { TEST_AWS_ID: keys.accessKeyId, TEST_AWS_KEY: keys.secretAccessKey },
        }),
      ),
      config,
      secrets: [keys.secretAccessKey],
      ...emulator.helpers,
      ignoreNextRelease: market.ignoreNextEnd,
      repriceNextCreate: market.repriceNext,
      damageNextTags: market.damageNext,
      interrupt: (leaseId) => market.announce(leaseId.split("/")[1] ?? "", 120_000),
      advance: market.age,
      readBilling: () =>
        market
          .bills()
          .flatMap(({ region, id, to }) => (to === undefined ? [`${region}/${id}`] : [])),
      async close() {
        await virtual.close();
        await emulator.close();
      },
    };
  },
});
