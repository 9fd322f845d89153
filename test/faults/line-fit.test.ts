import { describe, it } from "vitest";
import { fitLine } from "./support/line-fit.ts";

describe("a line through samples", () => {
  it("is exact where they lie on one, and says how sure it is where they do not", ({ expect }) => {
    const exact = fitLine([1, 2, 3, 4].map((x) => [x, 2 * x + 1]));
    expect(exact.slope).toBeCloseTo(2);
    expect(exact.within).toBeCloseTo(0);
    // Residuals of 1, so that s² = 6/4, Sxx = 17.5, t(4) = 2.776: 0.81 by the book.
    const rough = fitLine([1, -1, 1, -1, 1, -1].map((y, x) => [x, y]));
    expect(rough.slope).toBeCloseTo(-0.171, 2);
    expect(rough.within).toBeGreaterThan(0.75);
    expect(rough.within).toBeLessThan(0.95);
  });

  it("is sure of nothing with two points", ({ expect }) => {
    expect(
      fitLine([
        [0, 0],
        [1, 5],
      ]).within,
    ).toBe(Number.POSITIVE_INFINITY);
  });
});
