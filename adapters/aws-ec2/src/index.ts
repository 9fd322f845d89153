import { defineAdapter } from "@gpujob/adapter-kit";
import { createAwsPlatform } from "./adapter.ts";
import { configSchema } from "./config.ts";

export default defineAdapter({
  id: "aws-ec2",
  title: "Amazon EC2",
  contractVersion: 1,
  configSchema,
  capabilities: {
    release: "api",
    markets: ["on-demand", "spot"],
    // Every launch says `InstanceInitiatedShutdownBehavior: terminate`.
    powerOff: "ends",
    idempotency: "token",
    // By the machine's own `shutdown -h +N`, which `extendLease` moves.
    autoRelease: true,
    // "About a minute" of eventual consistency, doubled — https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html (2026-11)
    visibilityWindowMs: 120_000,
    multiNode: "gang",
    tagging: "tags",
    image: true,
    // The Deep Learning AMIs have it, with NVIDIA's toolkit; any other image is looked at once its machine is up.
    docker: true,
    interruptionNotice: true,
    // On-demand prices hold for weeks, spot prices move every few hours, and only a create knows what is in stock.
    offersFreshMs: 300_000,
  },
  create: createAwsPlatform,
});
