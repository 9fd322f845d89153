import { defineCommand } from "../definition.ts";
import { choiceFlag, countFlag, listFlag, textFlag } from "../flags.ts";
import { freshnessFlags, readFreshness } from "../run/freshness-flags.ts";
import { profileFlag } from "../run/job-flags.ts";
import { groupOffers, sortOffers } from "../offer-order.ts";
import { present } from "../present.ts";
import { explainOffers, renderOfferGroups, renderOffers } from "../render/offers.ts";
import { formatMissing } from "../render/plan-notes.ts";

/** Lists what could be rented now. */
export const offers = defineCommand({
  name: "offers",
  summary: "List what can be rented now; on shared hosts the free cards",
  examples: [
    "gpujob offers --gpu RTX4090",
    "gpujob offers --group-by gpu --market spot",
    "gpujob offers --gpu RTX4090 --profile student",
  ],
  args: {},
  flags: {
    gpu: textFlag('Accelerator, such as "A100:80GB"', "GPU"),
    platform: listFlag("Only on this platform; may be repeated", "NAME"),
    market: choiceFlag("Kind of machine", ["on-demand", "spot"]),
    "max-price": textFlag('Most per hour, such as "3 CNY/h"', "MONEY"),
    profile: profileFlag,
    sort: choiceFlag("Order; default price, with --profile its own", [
      "price",
      "platform",
      "gpu",
      "memory",
    ]),
    "group-by": choiceFlag("One line per group", ["platform", "gpu", "region", "market"]),
    limit: countFlag("Lines shown; default all", 1),
    ...freshnessFlags,
  },
  run: async ({ flags }, context) => {
    const freshness = readFreshness(flags);
    const gpujob = await context.gpujob();
    const { gpu, market, "max-price": maxPrice, profile } = flags;
    const platforms = flags.platform.length > 0 ? flags.platform : undefined;
    const filter = present({ gpu, market, maxPrice, platforms, freshness, profile });
    const found = await gpujob.offers(filter, { signal: context.signal });
    const limit = flags.limit ?? Number.POSITIVE_INFINITY;
    const isRanked = profile !== undefined && flags.sort === undefined;
    const sorted = isRanked ? found.offers : sortOffers(found.offers, flags.sort ?? "price");
    const by = flags["group-by"];
    if (by !== undefined) {
      const groups = groupOffers(sorted, by).slice(0, limit);
      return {
        data: { groups, missing: found.missing },
        lines: (view) => [
          ...renderOfferGroups(groups, view),
          ...formatMissing(found.missing, view),
        ],
      };
    }
    const shown = sorted.slice(0, limit);
    return {
      data: { offers: shown, missing: found.missing },
      lines: (view) => [
        ...renderOffers(shown, view),
        ...(isRanked ? explainOffers(shown, view) : []),
        ...formatMissing(found.missing, view),
      ],
    };
  },
});
