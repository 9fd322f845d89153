import { resolveGpuName } from "@gpujob/catalog";
import { findOffers } from "@gpujob/scheduler";
import { parseJobFile } from "@gpujob/spec";
import { join } from "node:path";
import type { OfferFilter, OffersResult } from "./gpujob.ts";
import { collectOffers } from "./collect-offers.ts";
import { ratesOf } from "./submission.ts";
import type { Workshop } from "./workshop.ts";

/** What there is, by the same matching as a plan; sold-out offers too. */
export async function listOffers(
  workshop: Workshop,
  filter: OfferFilter,
  { signal }: { readonly signal: AbortSignal },
): Promise<OffersResult> {
  const { around } = workshop;
  const { platforms, configuration, cache } = await workshop.setUp();
  const all = await platforms.all();
  const asked = all.filter(
    (each) => filter.platforms === undefined || filter.platforms.includes(each.name),
  );
  const kept = { cache, freshness: filter.freshness ?? "usual" };
  const { index, missing, stalePlatforms } = await collectOffers(asked, { around, kept, signal });
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
  const fitting = findOffers({
    job,
    index,
    exclusions: [],
    capabilitiesByPlatform: Object.fromEntries(asked.map((each) => [each.name, each.capabilities])),
    rates: ratesOf(configuration.config, now),
    currency: configuration.config.currency,
    isStockIgnored: true,
  });
  return {
    offers: fitting.map(({ offer }) => ({
      ...offer,
      ageSeconds: Math.max(0, Math.round((now - Date.parse(offer.observedAt)) / 1000)),
      ...(stalePlatforms.has(offer.platform) ? { isStale: true as const } : {}),
    })),
    missing,
  };
}
