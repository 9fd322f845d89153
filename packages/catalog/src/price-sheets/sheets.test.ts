import { describe, it } from "vitest";
import { normalizeGpuName } from "../normalize-gpu-name.ts";
import { findSheet, listSheets, sheetsReviewedAt } from "./sheets.ts";

const yearMs = 366 * 24 * 3_600_000;
/** What a card can cost per hour, in micros: outside of it a unit was mistaken (cents, per day, per machine of eight). */
const likely: Readonly<Record<string, readonly [number, number]>> = {
  CNY: [100_000, 40_000_000],
  USD: [50_000, 15_000_000],
};

describe("price sheets", () => {
  it("finds a sheet by its id, in any case", ({ expect }) => {
    expect(findSheet("AutoDL/RTX4090D")).toMatchObject({
      platform: "autodl",
      gpu: "RTX 4090D 24GB",
      pricePerHour: { currency: "CNY", micros: 2_080_000 },
      confidence: "documented",
    });
    expect(findSheet("autodl/rtx9999")).toBeUndefined();
  });

  it("has one sheet for each id", ({ expect }) => {
    const ids = listSheets().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.for(listSheets())("$id names its card, country and source", (sheet, { expect }) => {
    expect(sheet.id).toMatch(/^[a-z0-9-]+\/[a-z0-9-]+$/);
    expect(sheet.id.split("/")[0]).toBe(sheet.platform);
    expect(normalizeGpuName(sheet.gpu)?.vramGib).toBeGreaterThan(0);
    expect(sheet.country ?? "cn").toMatch(/^[a-z]{2}$/);
    expect(sheet.source).not.toBe("");
  });

  it.for(listSheets())("$id costs what a card can cost per hour", (sheet, { expect }) => {
    const { currency, micros } = sheet.pricePerHour;
    const [least, most] = likely[currency] ?? [0, 0];
    expect(Number.isSafeInteger(micros)).toBe(true);
    expect(micros).toBeGreaterThanOrEqual(least);
    expect(micros).toBeLessThanOrEqual(most);
    expect([1, 60, 3600, 86_400]).toContain(sheet.billing.unitSeconds);
  });

  it.for(listSheets())("$id was read within the year before the review", (sheet, { expect }) => {
    expect(sheet.observedAt).toMatch(/^\d{4}-\d\d-\d\d$/);
    const ageMs = Date.parse(sheetsReviewedAt) - Date.parse(sheet.observedAt);
    expect(ageMs).toBeGreaterThanOrEqual(0);
    expect(ageMs).toBeLessThan(yearMs);
  });
});
