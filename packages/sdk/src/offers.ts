import { resolveGpuName } from "@gpujob/catalog";
import { findOffers, hourlyPrice, rankOffers, withAccount } from "@gpujob/scheduler";
import { parseJobFile } from "@gpujob/spec";
import type { Offer } from "@gpujob/spec";
import { join } from "node:path";
import { readExperiences, traitsOf } from "./experiences.ts";
import type { OfferFilter, OfferRow, OffersResult } from "./gpujob.ts";
import { collectOffers } from "./collect-offers.ts";
import { accountsOf } from "./own-money.ts";
import { ratesOf } from "./submission.ts";
import type { Workshop } from "./workshop.ts";

/** What there is, by the same matching as a plan; sold-out offers too, unless a profile ranks them. */
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
        ...(filter.profile === undefined ? {} : { profile: filter.profile }),
        ...(filter.maxPrice === undefined ? {} : { limits: { price: filter.maxPrice } }),
      },
      where: (path) => `--${String(path.at(-1))}`,
      folder: around.cwd,
    },
  });
  const accounts = accountsOf(asked.map(({ config }) => config));
  const question = {
    job,
    exclusions: [],
    capabilitiesByPlatform: Object.fromEntries(asked.map((each) => [each.name, each.capabilities])),
    traitsByPlatform: traitsOf(asked),
    rates: ratesOf(configuration.config, now),
    currency: configuration.config.currency,
    accounts,
  };
  const toRow = (offer: Offer): OfferRow => ({
    ...withAccount(offer, accounts),
    pricePerHour: hourlyPrice(withAccount(offer, accounts), 1),
    ageSeconds: Math.max(0, Math.round((now - Date.parse(offer.observedAt)) / 1000)),
    ...(stalePlatforms.has(offer.platform) ? { isStale: true as const } : {}),
  });
  if (filter.profile === undefined) {
    const fitting = findOffers({ ...question, index, isStockIgnored: true });
    return { offers: fitting.map(({ offer }) => toRow(offer)), missing };
  }
  const records = await readExperiences(around, workshop.store);
  const { ranked } = rankOffers({
    ...question,
    offers: index,
    missing,
    stalePlatforms,
    rejections: "grouped",
    ...(records === undefined ? {} : { records }),
  });
  return {
    offers: ranked.map(({ offer, candidate: { score, reason } }) => ({
      ...toRow(offer),
      ...(score === undefined ? {} : { score }),
      reason,
    })),
    missing,
  };
}
