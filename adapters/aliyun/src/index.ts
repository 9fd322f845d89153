import { defineAdapter } from "@gpujob/adapter-kit";
import { createAliyunPlatform } from "./adapter.ts";
import { configSchema } from "./config.ts";

export default defineAdapter({
  id: "aliyun",
  title: "Alibaba Cloud ECS",
  contractVersion: 1,
  configSchema,
  capabilities: {
    release: "api",
    markets: ["on-demand", "spot"],
    // A power-off from inside the machine goes on billing: nothing is gained by it.
    powerOff: "none",
    idempotency: "token",
    // `AutoReleaseTime`, armed by every launch.
    autoRelease: true,
    // An id is told before the machine stands in every list; how long that takes is told nowhere: two minutes are careful.
    visibilityWindowMs: 120_000,
    multiNode: "gang",
    tagging: "tags",
    image: true,
    interruptionNotice: true,
    // On-demand prices hold for weeks, spot prices move every few hours, and only a create knows what is in stock.
    offersFreshMs: 300_000,
  },
  create: createAliyunPlatform,
});
