import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import aliyun from "../src/index.ts";
import type { Emulator } from "./emulator/emulator.ts";
import { startEmulator } from "./emulator/emulator.ts";
import { createVirtualMachines } from "./emulator/virtual-machine.ts";
import { keySettings, makeKeys } from "./keys.ts";

describeAdapter(aliyun, {
  title: "aliyun on its emulator",
  async setup() {
    const keys = makeKeys();
    const emulator: Emulator = await startEmulator({ keys, bootMs: 60, endMs: 60, lagMs: 30 });
    const virtual = createVirtualMachines(() => emulator);
    const stateFolder = await mkdtemp(join(tmpdir(), "gpujob-aliyun-"));
    const config = {
      ...keySettings,
      regions: ["cn-hangzhou", "cn-shanghai"],
      endpoint: emulator.url,
    };
    const { market } = emulator;
    return {
      platform: aliyun.create(
        aliyun.configSchema.parse(config),
        createTestContext({
          platform: "aliyun",
          stateFolder,
          connect: virtual.connect,
          secrets: { TEST_ALIYUN_ID: keys.accessKeyId, TEST_ALIYUN_KEY: keys.accessKeySecret },
        }),
      ),
      config,
      secrets: [keys.accessKeySecret],
      ...emulator.helpers,
      ignoreNextRelease: market.ignoreNextEnd,
      repriceNextCreate: market.repriceNext,
      damageNextTags: market.damageNext,
      interrupt: (leaseId) => market.announce(leaseId.split("/")[1] ?? "", 300_000),
      advance: market.age,
      readBilling: () =>
        market
          .bills()
          .flatMap(({ region, id, to }) => (to === undefined ? [`${region}/${id}`] : [])),
      async close() {
        await virtual.close();
        await emulator.close();
        await rm(stateFolder, { recursive: true });
      },
    };
  },
});
