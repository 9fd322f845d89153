import { describe, it } from "vitest";
import type { BillingRule } from "@gpujob/spec";
import { chargeMachine, countBilledSeconds } from "./billing.ts";
import type { MachineRecord } from "./machine-record.ts";

const second: BillingRule = { unitSeconds: 1, minimumSeconds: 0 };
const minute: BillingRule = { unitSeconds: 60, minimumSeconds: 0 };
const hour: BillingRule = { unitSeconds: 3600, minimumSeconds: 0 };
const day: BillingRule = { unitSeconds: 86_400, minimumSeconds: 0, mode: "prepaid" };

function billed(rule: BillingRule, elapsedMs: number, isRunning = false): number {
  return countBilledSeconds(rule, elapsedMs, { isRunning });
}

/** A machine at 3.6 CNY/h that was made at 0, was up at 10 s and ended at 100 s. */
function machine(
  price: Partial<MachineRecord["terms"]["offer"]["price"]>,
  over: Partial<MachineRecord> = {},
): MachineRecord {
  return {
    leaseId: "m-1",
    platform: "cheap",
    token: "token",
    tags: {},
    terms: {
      type: "a",
      bootMs: 10_000,
      offer: {
        offerId: "a",
        region: "local",
        instanceType: "a",
        market: "on-demand",
        includedDiskGib: 10,
        price: {
          perHour: { currency: "CNY", micros: 3_600_000 },
          billing: second,
          source: "live",
          ...price,
        },
      },
    },
    diskGib: 30,
    createdMs: 0,
    bootMs: 10_000,
    endsMs: 1_000_000,
    interruptAfterMs: null,
    noticeMs: null,
    dieAfterMs: null,
    vanishAfterMs: null,
    vanishMs: null,
    shownGpu: null,
    keeper: null,
    upMs: 10_000,
    endedMs: 100_000,
    endReason: "released",
    cleanedMs: 100_000,
    diskEndsMs: null,
    ...over,
  };
}

function amounts(record: MachineRecord, nowMs = 200_000): readonly number[] {
  return chargeMachine(record, nowMs).charges.map(({ amount }) => amount.micros);
}

describe("the market's billing", () => {
  it("rounds time up to whole units", ({ expect }) => {
    expect(billed(second, 0)).toBe(0);
    expect(billed(second, 1)).toBe(1);
    expect(billed(second, 1000)).toBe(1);
    expect(billed(minute, 60_000)).toBe(60);
    expect(billed(minute, 60_001)).toBe(120);
    expect(billed(hour, 1)).toBe(3600);
    expect(billed(hour, 3_600_001)).toBe(7200);
  });

  it("charges the minimum", ({ expect }) => {
    expect(billed({ unitSeconds: 1, minimumSeconds: 60 }, 5000)).toBe(60);
    expect(billed({ unitSeconds: 1, minimumSeconds: 60 }, 61_000)).toBe(61);
    expect(billed({ unitSeconds: 3600, minimumSeconds: 7200 }, 5000)).toBe(7200);
    expect(billed({ unitSeconds: 60, minimumSeconds: 90 }, 5000)).toBe(120);
    expect(billed({ unitSeconds: 60, minimumSeconds: 90 }, 0)).toBe(0);
  });

  it("takes prepaid units when they begin", ({ expect }) => {
    expect(billed(day, 0, true)).toBe(86_400);
    expect(billed(day, 0)).toBe(86_400);
    expect(billed(day, 86_400_000)).toBe(86_400);
    expect(billed(day, 86_400_000, true)).toBe(172_800);
    expect(billed(day, 86_400_001, true)).toBe(172_800);
  });

  it("multiplies and rounds once", ({ expect }) => {
    expect(amounts(machine({}))).toEqual([100_000]);
    expect(amounts(machine({ billing: minute }))).toEqual([120_000]);
    expect(amounts(machine({ billing: hour }))).toEqual([3_600_000]);
    expect(amounts(machine({ billing: day }))).toEqual([86_400_000]);
    expect(amounts(machine({ billing: { unitSeconds: 1, minimumSeconds: 600 } }))).toEqual([
      600_000,
    ]);
    expect(amounts(machine({ discount: 0.95 }))).toEqual([95_000]);
    const odd = { currency: "CNY", micros: 1_320_001 };
    expect(amounts(machine({ perHour: odd }))).toEqual([36_667]);
  });

  it("charges disk beyond what is included by the second, without the discount", ({ expect }) => {
    const diskPerGibHour = { currency: "CNY", micros: 3600 };
    expect(amounts(machine({ diskPerGibHour, discount: 0.5 }))).toEqual([50_000, 2000]);
    expect(amounts(machine({ diskPerGibHour }, { diskGib: 10 }))).toEqual([100_000]);
    expect(amounts(machine({ diskPerGibHour, billing: hour }))).toEqual([3_600_000, 2000]);
  });

  it("starts at create, or once up where the boot is free", ({ expect }) => {
    const billing = { ...second, isBootBilled: false };
    expect(amounts(machine({ billing }))).toEqual([90_000]);
    expect(amounts(machine({ billing }, { upMs: null }))).toEqual([]);
    expect(amounts(machine({ billing }, { endedMs: 5000 }))).toEqual([]);
    expect(amounts(machine({}, { endedMs: 5000 }))).toEqual([5000]);
  });

  it("runs on while the machine does", ({ expect }) => {
    expect(amounts(machine({}, { endedMs: null }), 150_000)).toEqual([150_000]);
    expect(amounts(machine({}, { endedMs: null }), 151_500)).toEqual([152_000]);
  });
});
