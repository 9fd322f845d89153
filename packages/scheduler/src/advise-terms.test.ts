import * as fc from "fast-check";
import { describe, it } from "vitest";
import { adviseTerms, type MachineUse, type TermOffer } from "./index.ts";
import { cny, context } from "./testing/samples.ts";

const hourMs = 3_600_000;
const begin = Date.parse("2026-11-01T00:00:00Z");

function use(fromHour: number, hours: number, perHour = 2): MachineUse {
  const from = begin + fromHour * hourMs;
  const to = from + hours * hourMs;
  return {
    platform: "autodl",
    model: "RTX4090",
    count: 1,
    from,
    to,
    compute: cny(hours * perHour),
  };
}

const month: TermOffer = {
  model: "RTX4090",
  count: 1,
  per: "month",
  price: cny(1052),
  source: "platforms.autodl.account",
  platform: "autodl",
};
const day: TermOffer = { ...month, per: "day", price: cny(30) };

describe("adviseTerms", () => {
  it("says from how many hours a term pays, and that it did not where there were fewer", ({
    expect,
  }) => {
    const uses = [use(0, 10), use(48, 15)];
    const [advice] = adviseTerms(uses, [month], context);
    expect(advice).toMatchObject({ hours: 25, perHour: cny(2), cost: cny(50), best: "hour" });
    expect(advice?.terms).toMatchObject([{ breakEvenHours: 526, worth: 0, cost: cny(50) }]);
  });

  it("finds the term that would have paid, and counts what is beyond it by the hour", ({
    expect,
  }) => {
    const uses = [use(0, 700), use(800, 10)];
    const [advice] = adviseTerms(uses, [month, day], context);
    expect(advice?.terms.map(({ per, worth, cost }) => [per, worth, cost.micros / 1e6])).toEqual([
      // 29 days, the four hours that are left of the first use, and the second.
      ["day", 29, 29 * 30 + 4 * 2 + 20],
      ["month", 1, 1052 + 20],
    ]);
    expect(advice?.best).toBe("day");
  });

  it("takes a term for each of several machines at once", ({ expect }) => {
    const [advice] = adviseTerms([use(0, 700), use(0, 700), use(100, 5)], [month], context);
    expect(advice).toMatchObject({ mostAtOnce: 3, best: "month" });
    expect(advice?.terms[0]).toMatchObject({ worth: 2, cost: cny(2 * 1052 + 10) });
  });

  it("says that a term never pays, and knows none of other cards or platforms", ({ expect }) => {
    const [advice] = adviseTerms([use(0, 5, 1)], [month, { ...day, count: 2 }], context);
    expect(advice?.terms).toMatchObject([{ per: "month", breakEvenHours: null }]);
    expect(adviseTerms([use(0, 5)], [{ ...month, platform: "other" }], context)[0]?.terms).toEqual(
      [],
    );
    const { platform: _, ...sheet } = month;
    expect(adviseTerms([use(0, 5)], [sheet], context)[0]?.terms).toHaveLength(1);
  });

  it("never costs more than by the hour, and never less than every hour at the term's own rate", ({
    expect,
  }) => {
    const uses = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 1, max: 200 })),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(uses, (drawn) => {
        const [advice] = adviseTerms(
          drawn.map(([from, hours]) => use(from, hours)),
          [day, month],
          context,
        );
        for (const { cost, per } of advice?.terms ?? []) {
          expect(cost.micros).toBeLessThanOrEqual((advice?.cost.micros ?? 0) + 1000);
          const least = (per === "day" ? 30 / 24 : 1052 / 720) * (advice?.hours ?? 0);
          expect(cost.micros / 1e6).toBeGreaterThanOrEqual(least - 0.01);
        }
      }),
    );
  });
});
