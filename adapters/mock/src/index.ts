import { defineAdapter } from "@gpujob/adapter-kit";
import type { AdapterDefinition } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { createMockPlatform } from "./adapter.ts";
import type { MockConfig } from "./config.ts";
import { mockConfigSchema } from "./config.ts";
import { toMarketTerms } from "./config/market-terms.ts";
import { readSearchPath } from "./machine/environment.ts";
import { startKeeper } from "./machine/start-keeper.ts";
import { openLocalMarket } from "./market/local-market.ts";

export type { MockConfig } from "./config.ts";
export { interruptMachine } from "./market/interrupt-machine.ts";
export { readCalls } from "./market/calls.ts";
export type { MarketCall } from "./market/calls.ts";
export { readMeter } from "./market/meter.ts";
export type { MeterMachine } from "./market/meter.ts";
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
    if (config.endpoint !== undefined) throw notYet(context.platform);
    const terms = toMarketTerms(config, context.currency);
    const { platform, stateFolder: folder, newId } = context;
    const searchPath = readSearchPath();
    const api = openLocalMarket({
      folder,
      platform,
      terms,
      newId,
      // Not the context's clock: keepers are real processes and live in real time.
      now: Date.now,
      startKeeper: (leaseId, onFailure) => startKeeper({ folder, leaseId, searchPath }, onFailure),
    });
    const { offers } = terms;
    return createMockPlatform({ context, api, offers, searchPath, isUp });

    /** A file that is busy for a moment must not break a channel: the machine counts as up until it is read. */
    function isUp(leaseId: string): boolean {
      try {
        return api.isUp(leaseId);
      } catch {
        return true;
      }
    }
  },
});

function notYet(platform: string): GpujobError {
  return new GpujobError("not_yet", `${platform}: a mock market cannot be reached over HTTP yet.`, {
    platform,
    hint: `Remove platforms.${platform}.endpoint: the market is then kept in a file.`,
  });
}

export default mockAdapter;
