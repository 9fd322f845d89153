import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import gpugeek from "../src/index.ts";
import { gpugeekKey, startFakeGpugeek } from "./fake-gpugeek.ts";

describeAdapter(gpugeek, {
  title: "gpugeek on its fake server",
  async setup() {
    const fake = await startFakeGpugeek();
    const config = {
      key: { env: "GZ_KEY" },
      endpoint: fake.url,
      prices: { "RTX 4090": "2.1 CNY/h" },
    };
    const context = createTestContext({ platform: "gpugeek", secrets: { GZ_KEY: gpugeekKey } });
    return {
      platform: gpugeek.create(gpugeek.configSchema.parse(config), context),
      config,
      secrets: [gpugeekKey],
      close: () => fake.close(),
    };
  },
});
