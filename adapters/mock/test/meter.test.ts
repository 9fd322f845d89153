import { describe, it } from "vitest";
import { toFailure } from "@gpujob/spec";
import { readMeter } from "../src/index.ts";
import {
  newRequest,
  openTestMarket,
  plainOffer,
  rentMachine,
  untilState,
  wait,
} from "./market-fixture.ts";

/** At 3.6 CNY/h: what a machine that lived for a few seconds must cost in micros, by its rule. */
const rules = {
  second: { billing: { unit: "1s" }, seconds: undefined },
  minimum: { billing: { unit: "1s", minimum: "60s" }, seconds: 60 },
  minute: { billing: { unit: "1m" }, seconds: 60 },
  hour: { billing: { unit: "1h" }, seconds: 3600 },
  "prepaid-hour": { billing: { unit: "1h", mode: "prepaid" }, seconds: 3600 },
  "prepaid-day": { billing: { unit: "1d", mode: "prepaid" }, seconds: 86_400 },
  "free-boot": { billing: { unit: "1m", boot: false }, seconds: 60 },
};

describe("the meter of the mock market", { timeout: 60_000 }, () => {
  it("bills each machine by its own rule, and the account by all of them", async ({ expect }) => {
    const offers = Object.entries(rules).map(([type, { billing }]) =>
      plainOffer({ type, billing }),
    );
    const market = await openTestMarket({ offers, balance: "1000 CNY" });
    try {
      const { platform, folder } = market;
      for (const offer of await platform.listOffers({}, wait)) {
        const { leaseId } = await rentMachine(platform, { offer });
        await platform.releaseLease(leaseId, wait);
        await untilState(platform, leaseId, "ended");
      }
      const { machines } = readMeter(folder);
      expect(machines.map(({ offer }) => offer)).toEqual(Object.keys(rules));
      for (const [type, { seconds }] of Object.entries(rules)) {
        const machine = machines.find(({ offer }) => offer === type);
        if (machine === undefined) throw new Error(`${type} is not on the meter.`);
        const { startedAt, endedAt, billedSeconds, amount, leaseId } = machine;
        const lasted = Math.ceil((Date.parse(endedAt ?? "") - Date.parse(startedAt)) / 1000);
        expect(billedSeconds).toBe(seconds ?? lasted);
        expect(amount).toEqual({ currency: "CNY", micros: billedSeconds * 1000 });
        const [charge] = (await platform.readCharges?.(leaseId, wait)) ?? [];
        expect(charge).toMatchObject({ kind: "compute", amount, from: startedAt, to: endedAt });
        const lease = await platform.getLease(leaseId, wait);
        expect(lease).toMatchObject({ startedAt, endedAt });
      }
      const spent = machines.reduce((total, { amount }) => total + amount.micros, 0);
      expect(await platform.getBalance?.(wait)).toEqual({
        currency: "CNY",
        micros: 1_000_000_000 - spent,
      });
    } finally {
      await market.close();
    }
  });

  it("runs until the machine ends, and is found from the home above", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      expect(readMeter(market.folder).machines).toEqual([]);
      const { leaseId, startedAt } = await market.platform.createLease(
        await newRequest(market.platform),
        wait,
      );
      const [running] = readMeter(market.folder, {
        nowMs: Date.parse(startedAt ?? "") + 9500,
      }).machines;
      expect(running).toMatchObject({
        leaseId,
        platform: "cheap",
        offer: "a",
        startedAt,
        endedAt: null,
        billedSeconds: 10,
        amount: { currency: "CNY", micros: 10_000 },
      });
      const above = readMeter(market.home).machines.map((machine) => machine.leaseId);
      expect(above).toEqual([leaseId]);
    } finally {
      await market.close();
    }
  });

  it("charges the price at create, not the one that was offered", async ({ expect }) => {
    const reprice = { on: "create", do: "reprice", factor: 1.5 };
    const offer = plainOffer({ billing: { unit: "1h" } });
    const market = await openTestMarket({ offers: [offer], faults: [reprice] });
    try {
      await rentMachine(market.platform);
      expect(readMeter(market.folder).machines[0]?.amount.micros).toBe(5_400_000);
    } finally {
      await market.close();
    }
  });

  it("bills more than it said, as its faults say", async ({ expect }) => {
    const overbill = { on: "create", do: "overbill", factor: 1.5 };
    const offer = plainOffer({ billing: { unit: "1h" } });
    const market = await openTestMarket({ offers: [offer], faults: [overbill] });
    try {
      const { leaseId, pricePerHour } = await rentMachine(market.platform);
      expect(pricePerHour).toEqual({ currency: "CNY", micros: 3_600_000 });
      const charges = await market.platform.readCharges?.(leaseId, wait);
      expect(charges).toMatchObject([{ kind: "compute", amount: { micros: 5_400_000 } }]);
      expect(readMeter(market.folder).machines[0]?.amount.micros).toBe(5_400_000);
    } finally {
      await market.close();
    }
  });

  it("rents nothing more once the account is empty", async ({ expect }) => {
    const offer = plainOffer({ billing: { unit: "1h" } });
    const market = await openTestMarket({ offers: [offer], balance: "3.6 CNY" });
    try {
      await rentMachine(market.platform);
      const request = await newRequest(market.platform);
      const refused = await market.platform.createLease(request, wait).catch(toFailure);
      expect(refused).toMatchObject({ kind: "insufficient_funds", scope: "account" });
    } finally {
      await market.close();
    }
  });
});
