import { describeLive } from "@gpujob/adapter-kit/conformance";
import gpugeek from "../src/index.ts";

describeLive(gpugeek, {
  config: { key: { env: "GPUGEEK_KEY" }, prices: { "RTX 4090": "1 CNY/h", "RTX 3090": "1 CNY/h" } },
  secrets: ["GPUGEEK_KEY"],
  env: process.env,
  // It rents nothing.
  cap: "0.01 CNY",
});
