import { resolveGpuName } from "@gpujob/catalog";
import { findOffers, indexOffers } from "@gpujob/scheduler";
import { parseJobFile } from "@gpujob/spec";
import { join } from "node:path";
import type { OfferFilter, OffersResult } from "./gpujob.ts";
import { collectOffers } from "./platforms.ts";
import { ratesOf } from "./submission.ts";
import type { Workshop } from "./workshop.ts";

/** What can be rented, by the same matching as a plan. Sold-out offers are left out only where a filter asks for a price. */
export async function listOffers(
  workshop: Workshop,
  filter: OfferFilter,
  { signal }: { readonly signal: AbortSignal },
): Promise<OffersResult> {
  const { around } = workshop;
  const { platforms, configuration } = await workshop.setUp();
  const all = await platforms.all();
  const asked = all.filter(
    (each) => filter.platforms === undefined || filter.platforms.includes(each.name),
  );
  const { offers, missing } = await collectOffers(asked, { around, signal });
  const now = around.clock.now();
  // The filter is a small job: what fits it is what is shown.
  const job = parseJobFile({
    path: join(around.cwd, "offers"),
    resolveName: resolveGpuName,
    flags: {
      values: {
        run: "true",
        market: filter.market ?? "auto",
        ...(filter.gpu === undefined ? {} : { resources: { gpu: filter.gpu } }),
        ...(filter.maxPrice === undefined ? {} : { limits: { price: filter.maxPrice } }),
      },
      where: (path) => `--${String(path.at(-1))}`,
      folder: around.cwd,
    },
  });
  const fitting = findOffers(
    {
      job,
      index: indexOffers(
        offers.map((offer) => ({
          ...offer,
          availability: soldOut(offer.availability) ? "unknown" : offer.availability,
        })),
      ),
      exclusions: [],
      capabilitiesByPlatform: Object.fromEntries(
        asked.map((each) => [each.name, each.capabilities]),
      ),
      rates: ratesOf(configuration.config, now),
      currency: configuration.config.currency,
    },
  );
  const wanted = new Set(fitting.map(({ offer }) => `${offer.platform}/${offer.offerId}`));
  return {
    offers: offers
      .filter((offer) => wanted.has(`${offer.platform}/${offer.offerId}`))
      .map((offer) => ({
        ...offer,
        ageSeconds: Math.max(0, Math.round((now - Date.parse(offer.observedAt)) / 1000)),
      })),
    missing,
  };
}

function soldOut(availability: string | number): boolean {
  return availability === "none" || availability === 0;
}
