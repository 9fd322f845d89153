import { defineAdapter } from "@gpujob/adapter-kit";
import type { AdapterDefinition } from "@gpujob/spec";
import { createRentedPlatform } from "./adapter.ts";
import { configSchema, type RentedConfig } from "./config.ts";

/** `adapter: rented`: machines that the user rents, pays and ends in a platform's console. */
const rentedAdapter: AdapterDefinition<RentedConfig> = defineAdapter<RentedConfig>({
  id: "rented",
  title: "Machines rented by hand",
  contractVersion: 1,
  configSchema,
  capabilities: {
    release: "by-hand",
    // Each offer says what holds for its machine.
    powerOff: "none",
    // A create repeated with the same key finds what the first one wrote on the machine.
    idempotency: "token",
    visibilityWindowMs: 1_000,
    tagging: "name",
    markets: ["on-demand"],
  },
  create: createRentedPlatform,
});

export default rentedAdapter;
