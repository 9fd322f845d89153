import { defineAdapter } from "@gpujob/adapter-kit";
import type { AdapterDefinition } from "@gpujob/spec";
import { createCompsharePlatform } from "./adapter.ts";
import type { CompshareConfig } from "./config.ts";
import { configSchema } from "./config.ts";

/** `adapter: compshare`: machines of 优云智算 (Compshare), rented by UCloud's signed API. */
const compshareAdapter: AdapterDefinition<CompshareConfig> = defineAdapter<CompshareConfig>({
  id: "compshare",
  title: "Compshare (优云智算)",
  contractVersion: 1,
  configSchema,
  capabilities: {
    release: "api",
    markets: ["on-demand", "spot"],
    // Whether a machine that switches itself off counts as stopped is not documented.
    powerOff: "none",
    idempotency: "name",
    tagging: "name",
    // Stops post-paid machines; offers of spot machines say that it does not work on them.
    autoRelease: true,
    image: true,
    capacityCheck: true,
    balance: true,
    // Prices hold for days there, and stock is what the machine's create decides.
    offersFreshMs: 60_000,
  },
  create: createCompsharePlatform,
});

export default compshareAdapter;
