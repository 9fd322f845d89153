import { describe, it } from "vitest";
import { findRental, listRentals } from "./rentals.ts";
import { listSheets, sheetsReviewedAt } from "./sheets.ts";

const yearMs = 366 * 24 * 3_600_000;

describe("rentals", () => {
  it("finds a platform by name, in any case", ({ expect }) => {
    expect(findRental("MornAI")).toMatchObject({
      title: "晨涧云 MornAI",
      renews: true,
      billing: { unitSeconds: 3600, mode: "prepaid" },
    });
    expect(findRental("nowhere")).toBeUndefined();
  });

  it("has each platform once", ({ expect }) => {
    const names = listRentals().map(({ platform }) => platform);
    expect(new Set(names).size).toBe(names.length);
  });

  it.for(listRentals())("$platform names its end, source and date", (rental, { expect }) => {
    expect(rental.platform).toMatch(/^[a-z0-9]+$/);
    expect(rental.endAt).not.toBe("");
    expect(rental.source).not.toBe("");
    expect(rental.workFolders.every((folder) => folder.startsWith("/"))).toBe(true);
    for (const [name, value] of Object.entries(rental.environment)) {
      expect(name).toMatch(/^[A-Z][A-Z0-9_]*$/);
      expect(value).toMatch(/^(?:https?:\/\/|http\.https:\/\/|\d+$)/);
    }
    const ageMs = Date.parse(sheetsReviewedAt) - Date.parse(rental.observedAt);
    expect(ageMs).toBeGreaterThanOrEqual(0);
    expect(ageMs).toBeLessThan(yearMs);
  });

  it.for(listRentals())("$platform's sheets bill as the platform does", (rental, { expect }) => {
    for (const sheet of listSheets().filter(({ platform }) => platform === rental.platform)) {
      expect(sheet.billing).toEqual(rental.billing);
      expect(sheet.country).toBe(rental.country);
    }
  });
});
