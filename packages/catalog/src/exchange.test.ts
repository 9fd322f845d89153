import * as fc from "fast-check";
import { describe, it } from "vitest";
import { bundledRates, convertMoney, scaleMoney } from "./index.ts";

const usd = [{ currency: "USD", cnyPerUnit: 7.12, observedAt: "2026-11-01", source: "test" }];

describe("convertMoney", () => {
  it("converts by the rate and leaves the same currency alone", ({ expect }) => {
    expect(convertMoney({ currency: "USD", micros: 1_000_000 }, "CNY", usd)).toEqual({
      currency: "CNY",
      micros: 7_120_000,
    });
    expect(convertMoney({ currency: "CNY", micros: 7_120_000 }, "USD", usd).micros).toBe(1_000_000);
    const same = { currency: "XYZ", micros: 5 };
    expect(convertMoney(same, "XYZ", [])).toBe(same);
  });

  it("goes from one foreign currency to another through CNY", ({ expect }) => {
    const euro = { currency: "EUR", cnyPerUnit: 8.9, observedAt: "2026-11-01", source: "test" };
    expect(convertMoney({ currency: "EUR", micros: 712 }, "USD", [...usd, euro]).micros).toBe(890);
  });

  it("names the currency whose rate is missing", ({ expect }) => {
    expect(() => convertMoney({ currency: "GBP", micros: 1 }, "CNY", usd)).toThrow(
      "There is no exchange rate for GBP.",
    );
    expect(() => convertMoney({ currency: "CNY", micros: 1 }, "GBP", usd)).toThrow("GBP");
  });

  it("bundles rates that say how old they are and that they are no quotes", ({ expect }) => {
    for (const { cnyPerUnit, observedAt, source } of bundledRates) {
      expect(cnyPerUnit).toBeGreaterThan(0);
      expect(Number.isNaN(Date.parse(observedAt))).toBe(false);
      expect(source).toContain("round figure");
    }
    expect(bundledRates.map(({ currency }) => currency)).toContain("USD");
  });
});

describe("scaleMoney", () => {
  it("rounds half up, below zero too", ({ expect }) => {
    for (const [micros, expected] of [
      [1, 1],
      [3, 2],
      [-1, 0],
      [-3, -1],
    ] as const) {
      expect(scaleMoney({ currency: "CNY", micros }, { over: [2] }).micros).toBe(expected);
    }
  });

  it("takes numbers as the decimals they are written as", ({ expect }) => {
    // In binary fractions 1.005 × 1000 is 1004.9999999999999.
    expect(scaleMoney({ currency: "CNY", micros: 100 }, { times: [1.005] }).micros).toBe(101);
    expect(scaleMoney({ currency: "CNY", micros: 10 }, { times: [0.95] }).micros).toBe(10);
  });

  it("agrees with exact arithmetic for all amounts, numbers and divisors", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger().map((n) => Math.trunc(n / 1000)),
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (micros, hundredths, over) => {
          const numerator = BigInt(micros) * BigInt(hundredths);
          const denominator = 100n * BigInt(over);
          const { micros: actual } = scaleMoney(
            { currency: "CNY", micros },
            { times: [hundredths / 100], over: [over] },
          );
          fc.pre(Number.isSafeInteger(actual));
          // Half up: actual - 1/2 <= exact < actual + 1/2.
          const twice = 2n * numerator;
          expect((2n * BigInt(actual) - 1n) * denominator <= twice).toBe(true);
          expect(twice < (2n * BigInt(actual) + 1n) * denominator).toBe(true);
        },
      ),
    );
  });

  it("refuses what is not a number", ({ expect }) => {
    const one = { currency: "CNY", micros: 1 };
    expect(() => scaleMoney(one, { times: [Number.NaN] })).toThrow(RangeError);
    expect(() => scaleMoney(one, { over: [0] })).toThrow(RangeError);
  });
});
