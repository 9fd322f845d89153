import { capabilityDefaults } from "@gpujob/adapter-kit";
import type { Candidate } from "@gpujob/engine";
import type { ByHand, Capabilities, JobSpec } from "@gpujob/spec";
import { parseJobFile } from "@gpujob/spec";
import { describe, it } from "vitest";
import { worstCaseOf } from "./worst-case.ts";

const perHour = { currency: "CNY", micros: 2_000_000 };

function jobOf(budget?: string): JobSpec {
  const limits = `limits: { time: 6h, hold: 4h${budget === undefined ? "" : `, budget: ${budget}`} }`;
  return parseJobFile({
    text: `run: "true"\n${limits}\n`,
    path: "job.yaml",
    resolveName: () => undefined,
  });
}

function candidate(
  capabilities: Partial<Capabilities>,
  over: { readonly autoRelease?: false; readonly byHand?: ByHand } = {},
): Candidate {
  return {
    offer: {
      offerId: "a",
      platform: "cloud",
      region: "cn",
      instanceType: "a",
      market: "spot",
      price: { perHour, billing: { unitSeconds: 1, minimumSeconds: 0 }, source: "live" },
      availability: "high",
      observedAt: "2026-11-01T00:00:00.000Z",
      ...over,
    },
    pricePerHour: perHour,
    totalPrice: perHour,
    reason: "",
    capabilities: { ...capabilityDefaults, release: "api", markets: ["spot"], ...capabilities },
  };
}

describe("the worst case of a plan", () => {
  it("is bounded by the platform's timer, whatever the budget, where only that ends the machine", ({
    expect,
  }) => {
    const text = worstCaseOf(jobOf("5 CNY"), candidate({ autoRelease: true }));
    expect(text).toContain("the platform's own timer ends the machine; at most 20.37 CNY");
  });

  it("has no bound where the timer does not work on the offer", ({ expect }) => {
    const text = worstCaseOf(
      jobOf("5 CNY"),
      candidate({ autoRelease: true }, { autoRelease: false }),
    );
    expect(text).toBe(
      "If nobody comes back, nothing ends the machine but this program: it costs 2.00 CNY per hour until you run gpujob again or end it in the console of cloud.",
    );
  });

  it("is the budget where the machine can end itself", ({ expect }) => {
    const best = candidate({ powerOff: "ends" });
    expect(worstCaseOf(jobOf(), best)).toContain("powers itself off; at most 20.00 CNY");
    expect(worstCaseOf(jobOf("5 CNY"), best)).toContain("at most 5.00 CNY");
  });

  it("goes on with the disk of a machine that is only stopped, or names that nobody knows", ({
    expect,
  }) => {
    const best = candidate({ powerOff: "stops" });
    expect(worstCaseOf(jobOf(), best)).toContain(
      "disk costs while it is stopped, until it is released, is not known",
    );
    const price = { ...best.offer.price, diskPerGibHour: { currency: "CNY", micros: 1000 } };
    const priced = { ...best, offer: { ...best.offer, price } };
    const job = jobOf();
    const large = { ...job, resources: { ...job.resources, diskGib: { min: 200 } } };
    expect(worstCaseOf(large, priced)).toContain("Its disk costs 0.20 CNY per hour on");
    expect(worstCaseOf(job, priced)).not.toContain("disk");
  });

  it("of a machine that was rented by hand is in its user's own hands", ({ expect }) => {
    const byHand = { endAt: "https://console.example" };
    const best = candidate({ release: "by-hand" }, { byHand });
    expect(worstCaseOf(jobOf(), best)).toContain("yourself at https://console.example");
    expect(worstCaseOf(jobOf(), undefined)).toBe("");
  });
});
