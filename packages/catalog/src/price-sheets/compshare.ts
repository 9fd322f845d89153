import type { SheetTable } from "./price-sheet.ts";

// Post-paid machines are metered by the second and settled on the hour — https://www.compshare.cn/docs (2026-06)
const postPaid: SheetTable = {
  platform: "compshare",
  currency: "CNY",
  billing: { unitSeconds: 1, minimumSeconds: 0, isBootBilled: true },
  country: "cn",
  source:
    "https://www.compshare.cn/docs list prices; the platform's price API is asked where there is a key",
  observedAt: "2026-06-01",
  confidence: "documented",
  rows: [
    // The price list of October asks 1.92 where the documentation of June says 1.66.
    {
      card: "rtx4090",
      gpu: "RTX 4090 24GB",
      price: 1.92,
      source: "https://www.compshare.cn/price-list",
      observedAt: "2026-10-01",
    },
    {
      card: "rtx4090-spot",
      gpu: "RTX 4090 24GB",
      price: 1.31,
      market: "spot",
      source: "https://www.compshare.cn/price-list",
      observedAt: "2026-10-01",
    },
    { card: "rtx4090-48gb", gpu: "RTX 4090 48GB", price: 3.3 },
    { card: "rtx5090", gpu: "RTX 5090 32GB", price: 3.16 },
    { card: "rtx3090", gpu: "RTX 3090 24GB", price: 1.19 },
    { card: "rtx3080ti", gpu: "RTX 3080 Ti 12GB", price: 0.74 },
    { card: "rtx2080ti", gpu: "RTX 2080 Ti 11GB", price: 0.46 },
    { card: "rtx2080", gpu: "RTX 2080 8GB", price: 0.42 },
    { card: "p40", gpu: "Tesla P40 24GB", price: 0.4 },
    { card: "v100s", gpu: "V100S 32GB", price: 1.41 },
    { card: "a100", gpu: "A100 80GB", price: 10.75 },
    { card: "a800", gpu: "A800 80GB", price: 6.23 },
    { card: "h20", gpu: "H20 96GB", price: 7.5 },
  ],
};

export const compshareTables: readonly SheetTable[] = [postPaid];
