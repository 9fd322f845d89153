import { capabilityDefaults } from "@gpujob/adapter-kit";
import { createTestOffer } from "@gpujob/adapter-kit/testing";
import type { RunContext } from "@gpujob/engine";
import { initialSnapshot } from "@gpujob/engine";
import { describe, it } from "vitest";
import { endAtOf, remindersOf, renewalsSoon, warningsOf } from "./by-hand.ts";

const perHour = { currency: "CNY", micros: 2_200_000 };
const mornai = {
  perHour,
  billing: { unitSeconds: 3600, minimumSeconds: 3600, mode: "prepaid" as const },
  byHand: { endAt: "https://console.example", renews: true },
};
const gpushare = {
  perHour,
  billing: { unitSeconds: 1, minimumSeconds: 0 },
  byHand: {
    endAt: "https://console.example",
    wipes: [{ path: "/hy-tmp", afterStopSeconds: 86_400 }, { afterStopSeconds: 864_000 }],
  },
};
const begin = Date.parse("2026-11-24T10:00:00Z");
const minute = 60_000;

describe("a machine that only its user can end", () => {
  it("says when its next hour begins and what that costs", ({ expect }) => {
    const at = (ms: number): readonly string[] =>
      warningsOf({ terms: mornai, billedFrom: begin }, begin + ms);
    expect(at(48 * minute)).toEqual([
      "At 2026-11-24 11:00 UTC, in 12m, the next hour begins and costs 2.20 CNY.",
    ]);
    expect(at(60 * minute)[0]).toContain("At 2026-11-24 12:00 UTC, in 1h");
    // Taken over before its paid hour is over: that hour was another run's.
    expect(at(-5 * minute)[0]).toContain("At 2026-11-24 10:00 UTC, in 5m");
  });

  it("says what a stop will wipe, and once it was stopped, when", ({ expect }) => {
    expect(warningsOf({ terms: gpushare, billedFrom: begin }, begin)).toEqual([
      "1d after you stop it, /hy-tmp is wiped.",
      "10d after you stop it, the machine is deleted.",
    ]);
    const lease = { platform: "rented", leaseId: "box", terms: gpushare };
    expect(remindersOf(lease, begin, begin + 1380 * minute)).toEqual([
      "rented: box: at 2026-11-25 10:00 UTC, in 1h, /hy-tmp is wiped.",
      "rented: box: at 2026-12-04 10:00 UTC, in 9d 1h, the machine is deleted.",
    ]);
    expect(remindersOf(lease, begin, begin + 11 * 86_400_000)).toEqual([]);
  });

  it("tells of each hour once it is about to begin, as long as it is held", ({ expect }) => {
    const { billing, byHand } = mornai;
    const offer = createTestOffer({ byHand, price: { perHour, billing, source: "sheet" } });
    const capabilities = { ...capabilityDefaults, release: "by-hand", markets: [] } as const;
    const contextWith = (state: "held" | "gone"): RunContext => ({
      ...initialSnapshot("r-test01").context,
      attempts: [
        {
          number: 1,
          candidate: {
            offer,
            capabilities,
            pricePerHour: perHour,
            totalPrice: perHour,
            reason: "",
          },
          phase: "running",
          startedAt: begin,
          members: [
            {
              member: 0,
              leaseKey: "k",
              state,
              leaseId: "box",
              intendedAt: begin,
              billedFrom: begin,
            },
          ],
        },
      ],
    });
    const soon = (at: number): readonly { readonly key: string; readonly message: string }[] =>
      renewalsSoon(contextWith("held"), begin + at * minute);
    expect(soon(40)).toEqual([]);
    expect(soon(51)[0]?.message).toBe(
      "box: At 2026-11-24 11:00 UTC, in 9m, the next hour begins and costs 2.20 CNY.",
    );
    expect(soon(55)[0]?.key).toBe(soon(51)[0]?.key);
    expect(soon(111)[0]?.key).not.toBe(soon(51)[0]?.key);
    expect(renewalsSoon(contextWith("gone"), begin + 51 * minute)).toEqual([]);
  });

  it("is ended in its platform's console where nobody says more", ({ expect }) => {
    const { perHour: price, billing } = mornai;
    expect(endAtOf({ perHour: price, billing }, "lab")).toBe("the console of lab");
    expect(warningsOf({ terms: { perHour: price, billing } }, begin)).toEqual([]);
  });
});
