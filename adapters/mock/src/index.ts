import { defineAdapter } from "@gpujob/adapter-kit";
import type { AdapterDefinition } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { createMockPlatform } from "./adapter.ts";
import type { MockConfig } from "./config.ts";
import { findOwnKey, mockConfigSchema } from "./config.ts";
import { readSearchPath } from "./machine/environment.ts";
import { createMarketClient } from "./http/market-client.ts";
import { localPlace, servedPlace } from "./machine-place.ts";
import { openOwnMarket } from "./open-own-market.ts";

export type { MockConfig } from "./config.ts";
export { interruptMachine } from "./market/interrupt-machine.ts";
export { readCalls } from "./market/calls.ts";
export type { MarketCall } from "./market/calls.ts";
export { readMeter } from "./market/meter.ts";
export type { MeterMachine } from "./market/meter.ts";
export { serveMarket } from "./http/serve-market.ts";
export type { MarketServer, ServeMarketOptions } from "./http/serve-market.ts";
export { addMarketFault, clearMarketFaults } from "./change-faults.ts";
export { resetMarket, stopAllMachines } from "./market/reset.ts";

/** `adapter: mock`: a simulated platform whose machines are real processes on this computer. */
const mockAdapter: AdapterDefinition<MockConfig> = defineAdapter<MockConfig>({
  id: "mock",
  title: "Mock market",
  contractVersion: 1,
  configSchema: mockConfigSchema,
  capabilities: {
    release: "api",
    markets: ["on-demand", "spot"],
    // Never: its machines are this computer.
    powerOff: "none",
    idempotency: "token",
    autoRelease: true,
    // As long as the lag that the documentation shows.
    visibilityWindowMs: 30_000,
    multiNode: "gang",
    tagging: "tags",
    // Accepted so that job files for other platforms run; nothing is installed.
    image: true,
    channel: true,
    interruptionNotice: true,
    capacityCheck: true,
    balance: true,
    charges: true,
  },
  create(config, context) {
    const { stateFolder: folder } = context;
    const searchPath = readSearchPath();
    if (config.endpoint !== undefined) {
      const { endpoint, token, timeout } = config;
      const own = findOwnKey(config);
      if (own !== undefined) throw twoMarkets(context.platform, own);
      const client = createMarketClient({ endpoint, token, timeoutMs: timeout, context });
      const place = servedPlace(client.readFolder, Date.now);
      return createMockPlatform({ context, api: client, searchPath, place });
    }
    const api = openOwnMarket(config, context);
    return createMockPlatform({ context, api, searchPath, place: localPlace(folder, Date.now) });
  },
});

function twoMarkets(platform: string, own: string): GpujobError {
  return new GpujobError(
    "config_invalid",
    `${platform}: a market behind an endpoint has its own ${own}.`,
    {
      platform,
      hint: `Remove platforms.${platform}.${own} here, or the endpoint: the market is then kept in a file.`,
    },
  );
}

export default mockAdapter;
