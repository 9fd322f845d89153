import * as fc from "fast-check";
import { describe, it } from "vitest";
import { billAmount, billSeconds } from "./index.ts";
import { cny } from "./testing/samples.ts";

const rules = fc.record({
  unitSeconds: fc.constantFrom(1, 60, 3600, 86_400),
  minimumSeconds: fc.integer({ min: 0, max: 7200 }),
  mode: fc.constantFrom("metered" as const, "prepaid" as const),
});

describe("billSeconds", () => {
  it("rounds up to whole units", ({ expect }) => {
    const hourly = { unitSeconds: 3600, minimumSeconds: 0 };
    expect(billSeconds(hourly, 1)).toBe(3600);
    expect(billSeconds(hourly, 3600)).toBe(3600);
    expect(billSeconds(hourly, 3600.001)).toBe(7200);
  });

  it("charges the minimum of a lease, in whole units", ({ expect }) => {
    expect(billSeconds({ unitSeconds: 1, minimumSeconds: 60 }, 5)).toBe(60);
    expect(billSeconds({ unitSeconds: 60, minimumSeconds: 90 }, 5)).toBe(120);
  });

  it("charges a prepaid lease its first unit even if it took no time", ({ expect }) => {
    expect(billSeconds({ unitSeconds: 3600, minimumSeconds: 0, mode: "prepaid" }, 0)).toBe(3600);
    expect(billSeconds({ unitSeconds: 3600, minimumSeconds: 3600 }, 0)).toBe(0);
  });

  it("refuses times that cannot be", ({ expect }) => {
    const rule = { unitSeconds: 1, minimumSeconds: 0 };
    for (const seconds of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => billSeconds(rule, seconds)).toThrow(RangeError);
    }
  });

  it("never charges less for longer, never less than the time or more than a unit and the minimum", ({
    expect,
  }) => {
    fc.assert(
      fc.property(rules, fc.nat(1e6), fc.nat(1e5), (rule, seconds, more) => {
        const billed = billSeconds(rule, seconds);
        expect(billed % rule.unitSeconds).toBe(0);
        expect(billed).toBeGreaterThanOrEqual(seconds);
        expect(billed).toBeLessThanOrEqual(
          Math.max(seconds, rule.minimumSeconds) + rule.unitSeconds,
        );
        expect(billSeconds(rule, seconds + more)).toBeGreaterThanOrEqual(billed);
      }),
    );
  });
});

describe("billAmount", () => {
  it("multiplies the billed time by the hourly price, exactly", ({ expect }) => {
    const rule = { unitSeconds: 60, minimumSeconds: 0 };
    expect(billAmount(cny(1.32), rule, 90)).toEqual(cny(0.044));
    expect(billAmount(cny(1.98), { unitSeconds: 1, minimumSeconds: 0 }, 3600, 0.95)).toEqual(
      cny(1.881),
    );
  });

  it("rounds half a micro up", ({ expect }) => {
    const rule = { unitSeconds: 1, minimumSeconds: 0 };
    expect(billAmount({ currency: "CNY", micros: 1800 }, rule, 1).micros).toBe(1);
    expect(billAmount({ currency: "CNY", micros: 1799 }, rule, 1).micros).toBe(0);
  });

  it("keeps to whole micros for every price, time and discount", ({ expect }) => {
    fc.assert(
      fc.property(rules, fc.nat(1e9), fc.nat(1e6), fc.nat(100), (rule, micros, seconds, part) => {
        const amount = billAmount({ currency: "CNY", micros }, rule, seconds, part / 100);
        const exact = (micros * billSeconds(rule, seconds) * part) / 100 / 3600;
        expect(Number.isSafeInteger(amount.micros)).toBe(true);
        expect(Math.abs(amount.micros - exact)).toBeLessThan(0.51 + exact * 1e-12);
      }),
    );
  });
});
