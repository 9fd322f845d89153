import type { SheetTable } from "./price-sheet.ts";

// Of the marketplace, of Pro and of GPUhub alike; see the platform's facts in `rentals.ts`.
const perSecond = { unitSeconds: 1, minimumSeconds: 0, isBootBilled: false } as const;

const monthly = {
  source: "https://www.autodl.com marketplace, monthly plan of one card",
  observedAt: "2026-10-01",
} as const;

/** Machines rented in the console of the marketplace. Members pay about 5 % less. */
const marketplace: SheetTable = {
  platform: "autodl",
  currency: "CNY",
  billing: perSecond,
  country: "cn",
  source: "https://www.autodl.com list prices on the home page",
  observedAt: "2026-09-24",
  confidence: "documented",
  rows: [
    { card: "rtx3060", gpu: "RTX 3060 12GB", price: 0.63 },
    { card: "rtx2080ti", gpu: "RTX 2080 Ti 11GB", price: 0.93 },
    { card: "rtx3080", gpu: "RTX 3080 10GB", price: 0.93 },
    { card: "rtxa4000", gpu: "RTX A4000 16GB", price: 0.97 },
    { card: "rtx3080ti", gpu: "RTX 3080 Ti 12GB", price: 1.03 },
    { card: "rtx3090", gpu: "RTX 3090 24GB", price: 1.39 },
    { card: "v100-32gb", gpu: "V100 32GB", price: 1.98 },
    {
      card: "rtx4090",
      gpu: "RTX 4090 24GB",
      price: 1.98,
      terms: [{ per: "month", price: 1052, ...monthly }],
    },
    { card: "mtts4000", gpu: "MTT S4000 48GB", price: 1.96 },
    { card: "ascend910b2", gpu: "Ascend 910B2 64GB", price: 3.87 },
    { card: "h800", gpu: "H800 80GB", price: 10.5 },
    {
      card: "rtx4090d",
      gpu: "RTX 4090D 24GB",
      price: 2.08,
      terms: [{ per: "month", price: 946, ...monthly }],
    },
    { card: "rtx3090ti", gpu: "RTX 3090 Ti 24GB", price: 2.7 },
    { card: "rtx5090", gpu: "RTX 5090 32GB", price: 2.93 },
    { card: "a40", gpu: "A40 48GB", price: 3.14 },
    { card: "l20", gpu: "L20 48GB", price: 3.87 },
    { card: "l40", gpu: "L40 48GB", price: 4.82 },
    { card: "a800", gpu: "A800 80GB", price: 5.88 },
    { card: "a100-sxm4", gpu: "A100 SXM4 80GB", price: 7.03 },
    { card: "rtxpro6000", gpu: "RTX PRO 6000 96GB", price: 7.35 },
    { card: "h20", gpu: "H20 96GB", price: 10.5 },
  ],
};

/** Container Instance Pro: a price list of its own, told only once a machine is rented. */
const pro: SheetTable = {
  ...marketplace,
  platform: "autodl-pro",
  source: "payg_price of rented Container Instance Pro machines",
  confidence: "observed",
  rows: [
    { card: "rtx4090d", gpu: "RTX 4090D 24GB", price: 1.88, observedAt: "2026-09-01" },
    { card: "rtxpro6000", gpu: "RTX PRO 6000 96GB", price: 5.98, observedAt: "2026-09-01" },
    // Nobody has told a Pro price of these: the marketplace's, or GPUhub's of 2026-05 at 7.12 CNY for a dollar.
    {
      card: "rtx5090",
      gpu: "RTX 5090 32GB",
      price: 2.93,
      source: "the marketplace's price of the same card",
      confidence: "inferred",
    },
    {
      card: "h800",
      gpu: "H800 80GB",
      price: 10.5,
      source: "the marketplace's price of the same card",
      confidence: "inferred",
    },
    {
      card: "rtx4090-48gb",
      gpu: "RTX 4090 48GB",
      price: 3.13,
      source: "GPUhub's price of the same card, 0.44 USD",
      observedAt: "2026-05-01",
      confidence: "inferred",
    },
    {
      card: "rtx4080s-32gb",
      gpu: "RTX 4080 SUPER 32GB",
      price: 1.64,
      source: "GPUhub's price of the same card, 0.23 USD",
      observedAt: "2026-05-01",
      confidence: "inferred",
    },
  ],
};

/** GPUhub, the same operator's platform outside mainland China. */
const gpuhub: SheetTable = {
  platform: "gpuhub",
  currency: "USD",
  billing: perSecond,
  source: "https://www.gpuhub.com as shown to users",
  observedAt: "2026-05-01",
  confidence: "observed",
  rows: [
    { card: "rtx4080s-32gb", gpu: "RTX 4080 SUPER 32GB", price: 0.23 },
    { card: "rtx5090", gpu: "RTX 5090 32GB", price: 0.36 },
    { card: "rtx4090-48gb", gpu: "RTX 4090 48GB", price: 0.44 },
    { card: "a800", gpu: "A800 80GB", price: 0.93 },
    { card: "rtxpro6000", gpu: "RTX PRO 6000 96GB", price: 0.93 },
  ],
};

export const autodlTables: readonly SheetTable[] = [marketplace, pro, gpuhub];
