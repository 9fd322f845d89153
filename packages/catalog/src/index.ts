export type { GpuModel, GpuModelFacts, GpuVariant } from "./model.ts";
export { findGpuModel, listGpuModels } from "./models.ts";
export { normalizeGpuName, resolveGpuName, statedVramGib } from "./normalize-gpu-name.ts";
export type { GpuName } from "./normalize-gpu-name.ts";
export { isOtherAccelerator } from "./other-accelerators.ts";
export { bundledRates, convertMoney } from "./exchange.ts";
export { scaleMoney } from "./scale-money.ts";
export { findSheet, listSheets, sheetsReviewedAt } from "./price-sheets/sheets.ts";
export { findRental, listRentals } from "./price-sheets/rentals.ts";
export type { Rental } from "./price-sheets/rental.ts";
export type { PriceConfidence, PriceSheet } from "./price-sheets/price-sheet.ts";
export {
  findLanguageModel,
  languageModelsObservedAt,
  listLanguageModels,
} from "./language-models.ts";
export type { LanguageModel } from "./language-models.ts";
