import { defineAdapter } from "@gpujob/adapter-kit";
import type { AdapterDefinition } from "@gpujob/spec";
import { createGpugeekPlatform } from "./adapter.ts";
import { configSchema, type GpugeekConfig } from "./config.ts";

/** `adapter: gpugeek`: what the enterprise API is known to tell; machines are rented by hand. */
const gpugeekAdapter: AdapterDefinition<GpugeekConfig> = defineAdapter<GpugeekConfig>({
  id: "gpugeek",
  title: "GpuGeek (enterprise API, reading only)",
  contractVersion: 1,
  configSchema,
  capabilities: {
    release: "api",
    // The fields of its create are not known well enough to spend money with them.
    rents: false,
    markets: ["on-demand"],
    // It tells the names of its cards and nothing else.
    offersFreshMs: 60_000,
  },
  create: createGpugeekPlatform,
});

export default gpugeekAdapter;
