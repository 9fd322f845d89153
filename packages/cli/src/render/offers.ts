import { formatMoney } from "@gpujob/spec";
import type { OfferRow } from "@gpujob/sdk";
import { gpuLabel } from "./gpu.ts";
import type { Column } from "./table.ts";
import { renderTable } from "./table.ts";
import { tame, wrap } from "./text.ts";
import { formatSeen } from "./units.ts";
import type { View } from "./view.ts";

const columns: readonly Column<OfferRow>[] = [
  { header: "PLATFORM", value: ({ platform }) => platform, shrinkTo: 8 },
  { header: "OFFER", value: ({ offerId }) => offerId },
  { header: "GPU", value: ({ gpu }) => gpuLabel(gpu) },
  { header: "CPU", value: (offer) => count(offer.cpuCount), align: "right", dropOrder: 5 },
  { header: "MEMORY", value: (offer) => gib(offer.memoryGib), align: "right", dropOrder: 6 },
  { header: "REGION", value: ({ region }) => region, shrinkTo: 8, dropOrder: 3 },
  { header: "MARKET", value: ({ market }) => market, dropOrder: 4 },
  {
    header: "PER HOUR",
    value: ({ pricePerHour }) => formatMoney(pricePerHour),
    align: "right",
  },
  { header: "PRICE IS", value: priceBasis, dropOrder: 1 },
  {
    header: "STOCK",
    value: ({ availability }) => String(availability),
    align: "right",
    dropOrder: 2,
  },
  {
    header: "SEEN",
    value: (offer) => formatSeen(offer.ageSeconds * 1000, offer.isStale === true),
    align: "right",
    dropOrder: 1,
  },
  { header: "NOTES", value: ({ notes }) => notes?.join("; ") ?? "", shrinkTo: 10, dropOrder: 7 },
];

/** Whose word a price is: the platform's just now, dated data's, or the user's own where neither tells one. */
function priceBasis({ price }: OfferRow): string {
  if (price.source === "live") return "live";
  return price.confidence ?? (price.source === "sheet" ? "dated" : "yours");
}

/** The table of `offers`; free cards and who holds the others stand in the notes of a shared host. */
export function renderOffers(offers: readonly OfferRow[], view: View): readonly string[] {
  return offers.length === 0 ? ["No offers."] : renderTable(columns, offers, view);
}

/** With a profile: why each offer stands where it stands, one sentence each. */
export function explainOffers(offers: readonly OfferRow[], view: View): readonly string[] {
  return offers.flatMap(({ platform, offerId, reason, score }, index) => {
    if (reason === undefined) return [];
    const points = score === undefined ? "" : ` (${score.points.toFixed(1)} of 100)`;
    const text = `#${index + 1} ${platform} ${offerId}${points}: ${tame(reason)}`;
    return wrap(text, view.columns, "  ");
  });
}

/** One line per group of `offers --group-by`: how many, from which price on. */
export interface OfferGroup {
  readonly name: string;
  readonly offers: number;
  readonly cheapest: OfferRow;
}

/** The table of `offers --group-by`. */
export function renderOfferGroups(groups: readonly OfferGroup[], view: View): readonly string[] {
  if (groups.length === 0) return ["No offers."];
  return renderTable<OfferGroup>(
    [
      { header: "GROUP", value: ({ name }) => name },
      { header: "OFFERS", value: ({ offers }) => String(offers), align: "right" },
      {
        header: "FROM",
        value: ({ cheapest }) => formatMoney(cheapest.pricePerHour),
        align: "right",
      },
      {
        header: "AT",
        value: ({ cheapest }) => `${cheapest.platform} ${cheapest.offerId}`,
        dropOrder: 1,
      },
    ],
    groups,
    view,
  );
}

function count(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

function gib(value: number | undefined): string {
  return value === undefined ? "" : `${Math.round(value)} GiB`;
}
