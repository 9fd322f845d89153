import { findRental } from "./rentals.ts";
import type { SheetRow, SheetTable } from "./price-sheet.ts";

/** A table whose rules stand with the platform's facts. */
function tableOf(
  platform: string,
  prices: Pick<SheetTable, "source" | "observedAt" | "confidence" | "rows">,
): readonly SheetTable[] {
  const rental = findRental(platform);
  if (rental === undefined) return [];
  const { billing, country } = rental;
  return [{ platform, currency: "CNY", billing, country, ...prices }];
}

/** Not here: the Ascend 910B at 3 to 4, because nobody says whether it has 32 or 64 GB; nor the Biren 106M at 2. */
const moarkRows: readonly SheetRow[] = [
  { card: "bw1000", gpu: "Hygon BW1000 64GB", price: 3 },
  { card: "mtts5000", gpu: "MTT S5000 80GB", price: 8 },
  { card: "bi-v150", gpu: "BI-V150 64GB", price: 3 },
  { card: "mr-v100", gpu: "MR-V100 32GB", price: 2 },
  { card: "s60", gpu: "Enflame S60 48GB", price: 2 },
];

/** Prices of platforms that have no API to ask; where several are told the dearest. Their users see the true one. */
export const byHandTables: readonly SheetTable[] = [
  ...tableOf("gpushare", {
    source: "a comparison of several platforms of 2026, its month not told",
    observedAt: "2026-01-01",
    confidence: "third-party",
    rows: [{ card: "rtx4090", gpu: "RTX 4090 24GB", price: 2.5 }],
  }),
  ...tableOf("mornai", {
    source: "round-ups of June and July 2026 that name 1.5 to 2.2",
    observedAt: "2026-06-01",
    confidence: "third-party",
    rows: [{ card: "rtx4090", gpu: "RTX 4090 24GB", price: 2.2 }],
  }),
  ...tableOf("matpool", {
    source: "https://matpool.com/api/machines",
    observedAt: "2026-10-01",
    confidence: "documented",
    rows: [
      { card: "rtx4090", gpu: "RTX 4090 24GB", price: 2.2 },
      { card: "rtx3090", gpu: "RTX 3090 24GB", price: 1.85 },
      { card: "a100-40gb", gpu: "A100 PCIe 40GB", price: 2.8 },
    ],
  }),
  ...tableOf("moark", {
    source: "https://ai.gitee.com/compute",
    observedAt: "2026-07-15",
    confidence: "observed",
    rows: moarkRows,
  }),
  ...tableOf("shengsuanyun", {
    source: "https://shengsuanyun.com",
    observedAt: "2026-07-15",
    confidence: "observed",
    rows: [
      { card: "ascend910", gpu: "Ascend 910 32GB", price: 2.36 },
      { card: "mtts4000", gpu: "MTT S4000 48GB", price: 1.69 },
      { card: "bi-v100", gpu: "BI-V100 32GB", price: 1.49 },
    ],
  }),
];
