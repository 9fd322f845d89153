import { describe, it } from "vitest";
import { billingModels, compareCredit, compareEstimates } from "./compare-estimates.ts";

// 16 models with 150 runs each, and 4 on spot whose averages are made of 12,000.
const results = compareEstimates(150, 20_261_124);

describe("the estimate against a meter that is played", () => {
  it("looks at more than 12 ways of billing and 10,000 random runs", ({ expect }) => {
    expect(results.length).toBe(billingModels.length);
    expect(results.length).toBeGreaterThanOrEqual(12);
    expect(results.reduce((sum, { runs }) => sum + runs, 0)).toBeGreaterThanOrEqual(10_000);
  });

  for (const { name, worstPercent, unsurePercent } of results) {
    it(`is within 1 % of the bill: ${name}`, ({ expect }) => {
      expect(worstPercent).toBeLessThanOrEqual(1);
      expect(unsurePercent).toBeLessThanOrEqual(1);
    });
  }

  it("is within 1 % of what is left to pay beside prepaid hours and coupons", ({ expect }) => {
    expect(compareCredit(40, 7)).toBeLessThanOrEqual(1);
  });
});
