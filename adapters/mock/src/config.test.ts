import { describe, it } from "vitest";
import { z } from "zod";
import { mockConfigSchema } from "./config.ts";
import { toMarketTerms } from "./config/market-terms.ts";

const offer = { type: "a", gpu: "RTX4090:24GB:1", price: "1.32 CNY/h" };

function complaint(config: unknown): string {
  const result = mockConfigSchema.safeParse(config);
  return result.success ? "accepted" : z.prettifyError(result.error);
}

describe("the configuration of the mock market", () => {
  it("reads the documented example", ({ expect }) => {
    const config = mockConfigSchema.parse({
      offers: [
        {
          ...offer,
          market: "spot",
          stock: 3,
          billing: { unit: "1s", minimum: "0s" },
        },
      ],
      boot: "2s",
      faults: [
        { on: "create", nth: 1, do: "error", kind: "no_capacity" },
        { on: "create", nth: 2, do: "lose-reply" },
        { on: "create", nth: 3, do: "delay", by: "5s" },
        { on: "release", nth: 1, do: "ignore" },
        { on: "list", do: "lag", by: "30s" },
        { on: "lease", nth: 1, after: "20s", do: "interrupt", notice: "5s" },
        { on: "lease", after: "20s", do: "die" },
        { on: "create", do: "reprice", factor: 1.5 },
      ],
    });
    const terms = toMarketTerms(config, "CNY");
    expect(terms.offers[0]).toMatchObject({
      type: "a",
      stock: 3,
      bootMs: 2000,
      offer: {
        gpu: { vendor: "nvidia", model: "RTX4090", vramGib: 24, count: 1 },
        market: "spot",
        price: {
          perHour: { currency: "CNY", micros: 1_320_000 },
          billing: { unitSeconds: 1, minimumSeconds: 0 },
        },
      },
    });
    expect(terms.faults).toHaveLength(8);
    expect(terms.faults[5]).toEqual({
      on: "lease",
      nth: 1,
      do: "interrupt",
      afterMs: 20_000,
      noticeMs: 5000,
    });
  });

  it("gives a price without a currency the default one", ({ expect }) => {
    const prices = ["2/h", 2, "$2/h"].map((price) => {
      const config = mockConfigSchema.parse({ offers: [{ ...offer, price }] });
      return toMarketTerms(config, "EUR").offers[0]?.offer.price.perHour;
    });
    expect(prices).toEqual([
      { currency: "EUR", micros: 2_000_000 },
      { currency: "EUR", micros: 2_000_000 },
      { currency: "USD", micros: 2_000_000 },
    ]);
  });

  it("reads cards with and without their parts", ({ expect }) => {
    const read = (gpu: string) =>
      toMarketTerms(mockConfigSchema.parse({ offers: [{ ...offer, gpu }] }), "CNY").offers[0]?.offer
        .gpu;
    expect(read("4090")).toMatchObject({ model: "RTX4090", vramGib: 24, count: 1 });
    expect(read("A100-SXM4-80GB:8")).toMatchObject({ model: "A100", vramGib: 80, count: 8 });
    expect(read("nvidia:H100:80GB:2")).toMatchObject({ model: "H100", vramGib: 80, count: 2 });
    expect(complaint({ offers: [{ ...offer, gpu: "A100:8" }] })).toContain("several sizes");
    expect(complaint({ offers: [{ ...offer, gpu: "NOPE:24GB:1" }] })).toContain("no card");
  });

  it("refuses unknown keys, doubled types and faults that cannot be", ({ expect }) => {
    expect(complaint({ offers: [{ ...offer, prise: 1 }] })).toContain("prise");
    expect(complaint({ offers: [offer], typo: 1 })).toContain("typo");
    expect(complaint({ offers: [] })).not.toBe("accepted");
    expect(complaint({ offers: [offer, offer] })).toContain("type of its own");
    const faulty = (fault: object) => complaint({ offers: [offer], faults: [fault] });
    expect(faulty({ on: "list", do: "reprice", factor: 2 })).not.toBe("accepted");
    expect(faulty({ on: "create", do: "ignore" })).not.toBe("accepted");
    expect(faulty({ on: "create", do: "explode" })).not.toBe("accepted");
    expect(faulty({ on: "create", do: "error", kind: "strange" })).not.toBe("accepted");
    expect(faulty({ on: "create", do: "lose-reply", nth: 0 })).not.toBe("accepted");
    expect(faulty({ on: "create", do: "lose-reply", offer: "b" })).toContain("Use one of: a.");
    expect(faulty({ on: "lease", do: "die", after: 20 })).toContain("20s");
  });
});
