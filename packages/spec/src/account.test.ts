import { describe, it } from "vitest";
import { mergeConfig, parseConfigFile } from "./index.ts";
import { GpujobError } from "./errors.ts";

const names = {
  resolveName: (text: string) => (/^(?:rtx ?)?4090$/i.test(text) ? "RTX4090" : undefined),
};

function read(text: string) {
  return parseConfigFile({ ...names, text, path: "/home/ada/.gpujob/config.yaml" });
}

function complaint(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (GpujobError.is(error)) return error.message;
    throw error;
  }
  return "accepted";
}

describe("an account in the configuration", () => {
  it("is read into prices per hour and GiB, rates and dates", ({ expect }) => {
    const { config, origins } = mergeConfig([
      read(`
platforms:
  autodl:
    adapter: autodl
    account:
      member: 0.95
      student: 0.9
      tax: 6%
      bootBilled: false
      disk: 0.72 CNY/GB/month
      publicIp: 0.02 CNY/h
      egress: 0.8 CNY/GB
      surcharges: [{ name: NVLink, interconnect: nvlink, price: 1 CNY/h }]
      coupons: [{ amount: 30 CNY, asOf: 2026-11-01, until: 2026-12-31 }]
      prepaidHours: [{ hours: 40, gpu: 4090, asOf: 2026-11-01T08:00+08:00 }]
      terms: [{ gpu: RTX 4090, per: month, price: 1052 CNY }]
`),
    ]);
    expect(config.platforms[0]?.account).toEqual({
      member: 0.95,
      student: 0.9,
      taxRate: 0.06,
      isBootBilled: false,
      diskPerGibHour: { currency: "CNY", micros: 1000 },
      publicIpPerHour: { currency: "CNY", micros: 20_000 },
      egressPerGib: { currency: "CNY", micros: 800_000 },
      surcharges: [
        { name: "NVLink", interconnect: "nvlink", perHour: { currency: "CNY", micros: 1_000_000 } },
      ],
      coupons: [
        {
          amount: { currency: "CNY", micros: 30_000_000 },
          asOf: "2026-11-01T00:00:00.000Z",
          until: "2026-12-31T23:59:59.999Z",
        },
      ],
      prepaidHours: [{ hours: 40, model: "RTX4090", asOf: "2026-11-01T00:00:00.000Z" }],
      terms: [
        {
          model: "RTX4090",
          count: 1,
          per: "month",
          price: { currency: "CNY", micros: 1_052_000_000 },
        },
      ],
    });
    expect(config.platforms[0]?.settings).toEqual({});
    expect(origins["platforms.autodl.account"]).toBe("config.yaml:5:5");
  });

  it("is merged key by key from weaker files", ({ expect }) => {
    const weak = read("platforms: { p: { adapter: mock, account: { member: 0.9, tax: 0 } } }");
    const strong = read("platforms: { p: { adapter: mock, account: { member: 0.8 } } }");
    expect(mergeConfig([strong, weak]).config.platforms[0]?.account).toEqual({
      member: 0.8,
      taxRate: 0,
    });
  });

  it("refuses what cannot be meant, with its place and what to write", ({ expect }) => {
    const of = (line: string): string =>
      complaint(`platforms:\n  p:\n    adapter: mock\n    account:\n      ${line}\n`);
    expect(of("member: 95")).toMatch(/config.yaml:5:\d+.*0\.95/);
    expect(of("tax: 13")).toContain("6%");
    expect(of("egress: 0.8 CNY")).toContain("0.8 CNY/GB");
    expect(of("disk: 0.3 CNY/GB")).toContain("0.3 CNY/GB/month");
    expect(of("coupons: [{ amount: 30 CNY }]")).toContain("asOf");
    expect(of("coupons: [{ amount: 30 CNY, asOf: 2026-13-01 }]")).toContain("2026-12-31");
    expect(of("prepaidHours: [{ hours: 4, gpu: 4091, asOf: 2026-11-01 }]")).toContain("4091");
    expect(of("terms: [{ gpu: 4090, per: year, price: 1 CNY }]")).toContain("month");
    expect(of("coupon: []")).toContain("coupons");
  });
});
