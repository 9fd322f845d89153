import type { PriceSheet } from "@gpujob/catalog";
import { listSheets, normalizeGpuName, scaleMoney } from "@gpujob/catalog";
import { omitUndefined } from "@gpujob/adapter-kit";
import type { BillingRule, Money } from "@gpujob/spec";
import type { AutodlConfig, Site } from "./config.ts";

/** A card as Container Instance Pro sells it. */
interface ProCard {
  /** `gpu_spec_uuid` of a create. */
  readonly spec: string;
  /** Its name in the stock answer. */
  readonly stockName: string;
  /** A name with its memory that the catalogue reads. */
  readonly gpu: string;
}

/** Appendix of https://www.autodl.com/docs/instance_pro_api (2026-08). */
export const proCards: readonly ProCard[] = [
  { spec: "h800", stockName: "H800", gpu: "H800 80GB" },
  { spec: "pro6000-p", stockName: "RTX PRO 6000", gpu: "RTX PRO 6000 96GB" },
  { spec: "5090-p", stockName: "RTX 5090", gpu: "RTX 5090 32GB" },
  { spec: "v-48g", stockName: "vGPU-48GB", gpu: "RTX 4090 48GB" },
  { spec: "v-48g-350w", stockName: "vGPU-48GB-350W", gpu: "RTX 3090 48GB" },
  { spec: "v-32g-p", stockName: "vGPU-32GB", gpu: "RTX 4080 SUPER 32GB" },
  { spec: "4090D", stockName: "RTX 4090D", gpu: "RTX 4090D 24GB" },
];

/** What one card of a site costs per hour as far as is known before it is rented. */
interface CardPrice {
  readonly perHour: Money;
  readonly billing: BillingRule;
  /** ISO-8601 time of the sheet; absent where the configuration gives the price. */
  readonly observedAt?: string;
  /** Memory of the card that the sheet is for; absent where the configuration gives the price. */
  readonly vramGib?: number;
  /** Of the sheet; absent where the configuration gives the price. */
  readonly confidence?: PriceSheet["confidence"];
  readonly note: string;
}

const onceRented = "the true one is known once rented";

/**
 * The price of a card, from the configuration by `name`, else from the site's sheet; `undefined` where nobody has told
 * one, so that the card cannot be ranked.
 */
export function priceOfCard(
  config: AutodlConfig,
  site: Site,
  name: string,
  gpu: string,
): CardPrice | undefined {
  const sheets = listSheets().filter(({ platform }) => platform === site.sheets);
  // All cards of a site are billed alike.
  const billing = sheets[0]?.billing;
  if (billing === undefined) return undefined;
  const own = config.prices[name];
  if (own !== undefined) {
    return { perHour: own, billing, note: `price: from the configuration; ${onceRented}` };
  }
  const sheet = findSheetOf(sheets, gpu);
  if (sheet === undefined) return undefined;
  const { pricePerHour, confidence, observedAt, source } = sheet;
  return omitUndefined({
    // What is charged after create has the member's discount in it already, so that it goes into the price here.
    perHour: scaleMoney(pricePerHour, { times: [config.discount ?? 1] }),
    billing,
    vramGib: normalizeGpuName(sheet.gpu)?.vramGib,
    observedAt: new Date(observedAt).toISOString(),
    confidence,
    note: `price: ${confidence} on ${observedAt} (${source}); ${onceRented}`,
  });
}

function findSheetOf(sheets: readonly PriceSheet[], gpu: string): PriceSheet | undefined {
  const wanted = normalizeGpuName(gpu);
  if (wanted === undefined) return undefined;
  return sheets.find((sheet) => {
    const card = normalizeGpuName(sheet.gpu);
    const isSameSize = wanted.vramGib === undefined || card?.vramGib === wanted.vramGib;
    return card?.model === wanted.model && isSameSize;
  });
}
