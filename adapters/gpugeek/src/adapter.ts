import { classifyBy, throwIfAborted } from "@gpujob/adapter-kit";
import { findRental, normalizeGpuName, type Rental } from "@gpujob/catalog";
import type { AdapterContext, Money, Offer, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { createGpugeekClient, listTypes } from "./api.ts";
import type { GpugeekConfig } from "./config.ts";
import { gpugeekErrors } from "./errors.ts";

const wayRound =
  "Rent the machine in the console of GpuGeek and name it under a platform with `adapter: rented`, with `platform: gpugeek`.";

/** Lists what could be rented; rents nothing, so that nothing of ours can be there either. */
export function createGpugeekPlatform(config: GpugeekConfig, context: AdapterContext): Platform {
  const client = createGpugeekClient(config, context);
  const { platform } = context;
  const stopIfAborted = (signal: AbortSignal, operation: string): void =>
    throwIfAborted(signal, { platform, operation });

  return {
    async listOffers(_query, wait) {
      const types = await listTypes(client, wait);
      const facts = findRental("gpugeek");
      const offers = types.flatMap((type) => {
        const price = config.prices[type];
        const offer =
          price === undefined || facts === undefined
            ? undefined
            : toOffer({ type, price, facts }, context);
        return offer === undefined ? [] : [offer];
      });
      if (types.length > 0 && offers.length === 0)
        context.log(`${platform}: no price is named for any of ${types.join(", ")}`);
      return offers;
    },

    async createLease(_request, { signal }) {
      stopIfAborted(signal, "createLease");
      throw new PlatformError(
        "unsupported_request",
        `${platform}: renting by API is left out, because what its create takes is not known for certain.`,
        { platform, operation: "createLease", scope: "platform", hint: wayRound },
      );
    },

    async getLease(_leaseId, { signal }) {
      stopIfAborted(signal, "getLease");
      return undefined;
    },

    async listLeases(_filter, { signal }) {
      stopIfAborted(signal, "listLeases");
      return [];
    },

    async releaseLease(_leaseId, { signal }) {
      stopIfAborted(signal, "releaseLease");
      return { state: "released" };
    },

    classify: classifyBy(gpugeekErrors),
  };
}

/** `undefined` for a card whose memory its name does not tell. */
function toOffer(
  card: { readonly type: string; readonly price: Money; readonly facts: Rental },
  context: AdapterContext,
): Offer | undefined {
  const name = normalizeGpuName(card.type);
  if (name?.vramGib === undefined) return undefined;
  return {
    offerId: card.type,
    platform: context.platform,
    region: "gpugeek",
    country: card.facts.country,
    instanceType: card.type,
    gpu: { ...name, vramGib: name.vramGib, count: 1, interconnect: "unknown" },
    market: "on-demand",
    price: { perHour: card.price, billing: card.facts.billing, source: "sheet" },
    // It may well be in stock; it cannot be had from here.
    availability: "none",
    observedAt: new Date(context.clock.now()).toISOString(),
    notes: [wayRound],
  };
}
