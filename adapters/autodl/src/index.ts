import { defineAdapter } from "@gpujob/adapter-kit";
import type { AdapterDefinition } from "@gpujob/spec";
import { createAutodlPlatform } from "./adapter.ts";
import type { AutodlConfig } from "./config.ts";
import { configSchema } from "./config.ts";

/** `adapter: autodl`: machines of AutoDL, of its sister site GPUhub, or of a private cluster of the same maker. */
const autodlAdapter: AdapterDefinition<AutodlConfig> = defineAdapter<AutodlConfig>({
  id: "autodl",
  title: "AutoDL",
  contractVersion: 1,
  configSchema,
  capabilities: {
    release: "api",
    markets: ["on-demand"],
    // `shutdown` inside a container ends its bill — https://www.autodl.com/docs (2026-09). Its disk stays for 15 days, but
    // the card may be gone when it is powered on: not "stops", so that finished work is held for its driver first.
    powerOff: "ends",
    idempotency: "name",
    tagging: "name",
    image: true,
    balance: true,
    // Prices hold for days there, and stock is what the machine's create decides.
    offersFreshMs: 60_000,
  },
  create: createAutodlPlatform,
});

export default autodlAdapter;
