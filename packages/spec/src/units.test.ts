import * as fc from "fast-check";
import { describe, it } from "vitest";
import { formatDuration, parseDurationMs } from "./duration.ts";
import { GpujobError } from "./errors.ts";
import { formatHourlyPrice, formatMoney, parseHourlyPrice, parseMoney } from "./money-text.ts";
import { formatRange, isInRange, parseRange } from "./range.ts";
import {
  formatBandwidth,
  formatBytes,
  formatGib,
  parseBandwidthGbps,
  parseSizeGib,
} from "./size.ts";

/** Message and next step of what a call throws, as a user would read them. */
function complaint(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (GpujobError.is(error)) return `${error.message} ${error.failure.hint ?? ""}`.trim();
    throw error;
  }
  return "nothing thrown";
}

describe("sizes", () => {
  it("reads 80G, 80GB and 80GiB alike", ({ expect }) => {
    for (const text of ["80G", "80GB", "80GiB", "80 gb", " 80g "]) {
      expect(parseSizeGib(text)).toBe(80);
    }
    expect(parseSizeGib("1.5TB")).toBe(1536);
    expect(parseSizeGib("512MB")).toBe(0.5);
  });

  it("refuses a size without a unit and says what to write", ({ expect }) => {
    const wanted = "a size: the unit is missing. Write 64GB if you mean GiB.";
    expect(complaint(() => parseSizeGib(64))).toBe(`64 is not ${wanted}`);
    expect(complaint(() => parseSizeGib("64"))).toBe(`"64" is not ${wanted}`);
    expect(complaint(() => parseSizeGib("80XB"))).toContain("such as 512MB, 80GB or 1.5TB");
    expect(complaint(() => parseSizeGib("-1GB"))).toContain("is not a size");
  });

  it("reads its own words back within their precision", ({ expect }) => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1e6, noNaN: true }), (gib) => {
        const back = parseSizeGib(formatGib(gib));
        expect(Math.abs(back - gib) / gib).toBeLessThan(0.006);
      }),
    );
    expect(formatBytes(12)).toBe("12 B");
    expect(formatBytes(348_160)).toBe("340 KiB");
    expect(formatBytes(1_342_177_280)).toBe("1.25 GiB");
  });

  it("reads bandwidth in bits and refuses bytes", ({ expect }) => {
    expect(parseBandwidthGbps("100Gbps")).toBe(100);
    expect(parseBandwidthGbps("800Mb/s")).toBe(0.8);
    expect(parseBandwidthGbps("1.6Tbps")).toBe(1600);
    expect(complaint(() => parseBandwidthGbps("10GB/s"))).toContain("bits per second");
    expect(formatBandwidth(0.8)).toBe("800 Mbps");
  });
});

describe("durations", () => {
  it("reads seconds, minutes, hours, days and their sums", ({ expect }) => {
    expect(["90s", "5m", "2h", "3d", "250ms", "1h30m", "1.5h", "0"].map(parseDurationMs)).toEqual([
      90_000, 300_000, 7_200_000, 259_200_000, 250, 5_400_000, 5_400_000, 0,
    ]);
  });

  it("refuses what has no unit or no sense", ({ expect }) => {
    expect(complaint(() => parseDurationMs(90))).toBe(
      "90 is not a duration: the unit is missing. Write 90s for seconds, 90m for minutes or 90h for hours.",
    );
    for (const text of ["", "h", "5 fortnights", "-5m", "1e3s", "99999999d"]) {
      expect(
        complaint(() => parseDurationMs(text)),
        text,
      ).toContain("duration");
    }
  });

  it("shows two units, and reads the exact form back to the millisecond", ({ expect }) => {
    expect(
      [45_000, 7_500_000, 350, 97_200_000, 0, 3_600_500].map((ms) => formatDuration(ms)),
    ).toEqual(["45s", "2h 5m", "350ms", "1d 3h", "0s", "1h"]);
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 11 }), (ms) => {
        expect(parseDurationMs(formatDuration(ms, { exact: true }))).toBe(ms);
      }),
    );
  });
});

describe("money", () => {
  it("reads every way of writing an amount", ({ expect }) => {
    const fifty = { currency: "CNY", micros: 50_000_000 };
    for (const text of [
      "50 CNY",
      "¥50",
      "￥50",
      "50元",
      "50cny",
      "CNY 50",
      "50 RMB",
      "50.00 CNY",
    ]) {
      expect(parseMoney(text), text).toEqual(fifty);
    }
    expect(parseMoney("$2")).toEqual({ currency: "USD", micros: 2_000_000 });
    expect(parseMoney(0.8, { currency: "CNY" })).toEqual({ currency: "CNY", micros: 800_000 });
  });

  it("never guesses a currency and never mixes amounts with prices", ({ expect }) => {
    expect(complaint(() => parseMoney("50"))).toBe(
      '"50" is not an amount of money: the currency is missing. Write the currency too: 50 CNY, or 50 USD.',
    );
    expect(complaint(() => parseMoney("3 CNY/h"))).toBe(
      '"3 CNY/h" is not an amount: it is a price over time. Write the amount: 3 CNY.',
    );
    expect(complaint(() => parseHourlyPrice("3 CNY"))).toContain("Write it as 3 CNY/h or $2/h.");
    expect(complaint(() => parseHourlyPrice(3))).toContain(
      "Write the currency and the hour: 3 CNY/h.",
    );
    expect(complaint(() => parseMoney("50 CNX"))).toContain('Did you mean "CNY"?');
    for (const text of ["-5 CNY", "1,000 CNY", "0.0000001 CNY", "99999999999 CNY", "¥5元"]) {
      expect(
        complaint(() => parseMoney(text)),
        text,
      ).toMatch(/is not an? amount/);
    }
  });

  it("reads prices per hour", ({ expect }) => {
    for (const text of ["3 CNY/h", "¥3/h", "3元/小时", "3 CNY / hour", "3 CNY per hour"]) {
      expect(parseHourlyPrice(text), text).toEqual({ currency: "CNY", micros: 3_000_000 });
    }
    expect(formatHourlyPrice({ currency: "USD", micros: 2_490_000 })).toBe("2.49 USD/h");
  });

  it("shows cents, keeps small prices visible, and reads the exact form back", ({ expect }) => {
    const shown = [1_320_000, 12_345_678, 1234, 7, 0, -500_000, 999_999_999].map((micros) =>
      formatMoney({ currency: "CNY", micros }),
    );
    expect(shown).toEqual([
      "1.32 CNY",
      "12.35 CNY",
      "0.0012 CNY",
      "0.000007 CNY",
      "0.00 CNY",
      "-0.50 CNY",
      "1000.00 CNY",
    ]);
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 31 - 1 }),
        fc.constantFrom("CNY", "USD", "EUR"),
        (micros, currency) => {
          const money = { currency, micros };
          expect(parseMoney(formatMoney(money, { exact: true }))).toEqual(money);
        },
      ),
    );
  });
});

describe("ranges", () => {
  const sizes = { parse: parseSizeGib, bare: "at-least" } as const;

  it("reads open, closed and bare ranges", ({ expect }) => {
    expect(parseRange("24GB..", sizes)).toEqual({ min: 24 });
    expect(parseRange("..80GB", sizes)).toEqual({ max: 80 });
    expect(parseRange("24..48GB", sizes)).toEqual({ min: 24, max: 48 });
    expect(parseRange("24GB", sizes)).toEqual({ min: 24 });
    expect(parseRange("2", { parse: Number, bare: "exactly" })).toEqual({ min: 2, max: 2 });
  });

  it("refuses an empty range and shows it the right way round", ({ expect }) => {
    expect(complaint(() => parseRange("48GB..24GB", sizes))).toContain("Write 24GB..48GB.");
    expect(complaint(() => parseRange("..", sizes))).toContain("is not a range");
    expect(complaint(() => parseRange("1GB..2GB..3GB", sizes))).toContain("is not a range");
  });

  it("call a value of another kind by its kind", ({ expect }) => {
    const readers = [
      parseSizeGib,
      parseDurationMs,
      parseMoney,
      parseHourlyPrice,
      parseBandwidthGbps,
    ];
    for (const read of [...readers, (value: unknown) => parseRange(value, sizes)]) {
      expect(complaint(() => read(Object.create(null)))).toMatch(/^A map is not a/);
      expect(complaint(() => read([]))).toMatch(/^A list is not a/);
      expect(complaint(() => read(null))).toMatch(/^Nothing is not a/);
    }
  });

  it("compares with a tolerance and speaks in words", ({ expect }) => {
    expect(isInRange(22.4, { min: 24 }, 0.07)).toBe(true);
    expect(isInRange(22, { min: 24 }, 0.07)).toBe(false);
    expect(isInRange(85, { max: 80 }, 0.07)).toBe(true);
    expect(formatRange({ min: 24 }, formatGib)).toBe("at least 24 GiB");
    expect(formatRange({ min: 2, max: 4 })).toBe("2 to 4");
    expect(formatRange({})).toBe("any");
  });
});
