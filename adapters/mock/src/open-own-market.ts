import type { AdapterContext } from "@gpujob/spec";
import type { MockConfig } from "./config.ts";
import { toMarketTerms } from "./config/market-terms.ts";
import { readSearchPath } from "./machine/environment.ts";
import { startKeeper } from "./machine/start-keeper.ts";
import { openLocalMarket } from "./market/local-market.ts";
import type { MarketApi } from "./market/market-api.ts";

/** What a market in a folder of its own gets from outside. */
export type MarketContext = Pick<AdapterContext, "platform" | "stateFolder" | "newId" | "currency">;

/** The market that a configuration describes, in its state folder. Throws nothing before its first call. */
export function openOwnMarket(config: MockConfig, context: MarketContext): MarketApi {
  const { platform, stateFolder: folder, newId, currency } = context;
  const searchPath = readSearchPath();
  return openLocalMarket({
    folder,
    platform,
    terms: toMarketTerms(config, currency),
    newId,
    // Not the context's clock: keepers are real processes and live in real time.
    now: Date.now,
    startKeeper: (leaseId, onFailure) => startKeeper({ folder, leaseId, searchPath }, onFailure),
  });
}
