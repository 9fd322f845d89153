import type { AccountTerms } from "@gpujob/spec";
import { describe, it } from "vitest";
import { makePlan, openPurse, withAccount } from "./index.ts";
import { cny, context, gpu4090, sampleJob, sampleOffer, usd } from "./testing/samples.ts";

const nowMs = Date.parse("2026-11-24T00:00:00Z");
const asOf = "2026-11-01T00:00:00Z";

function plan(account: AccountTerms, offers = [sampleOffer()], job = sampleJob()) {
  const accounts = { cheap: account };
  return makePlan({
    ...context,
    job,
    offers,
    missing: [],
    exclusions: [],
    accounts,
    purse: openPurse(accounts, context),
    nowMs,
  });
}

describe("an account", () => {
  it("lowers the price by the better of its rates, and the split says which", ({ expect }) => {
    const [best] = plan({ member: 0.95, student: 0.9 }).candidates;
    expect(best?.totalPrice).toEqual(cny(1.8));
    expect(best?.pricePerHour).toEqual(cny(1.8));
    expect(best?.breakdown).toMatchObject({ discount: cny(-0.2), ownRate: "student 0.9" });
    expect(best).not.toHaveProperty("toPay");
  });

  it("lets in what limits.price would refuse at the list price", ({ expect }) => {
    const job = sampleJob({ limits: { timeMs: 1, holdMs: 0, pricePerHour: cny(1.9) } });
    expect(plan({}, [sampleOffer()], job).candidates).toHaveLength(0);
    expect(plan({ member: 0.9 }, [sampleOffer()], job).candidates).toHaveLength(1);
  });

  it("says what a platform does not tell, and charges NVLink only where there is one", ({
    expect,
  }) => {
    const { publicIpPerHour: _, egressPerGib: __, taxRate: ___, ...price } = sampleOffer().price;
    const account: AccountTerms = {
      publicIpPerHour: cny(0.1),
      egressPerGib: cny(0),
      taxRate: 0.1,
      surcharges: [{ name: "NVLink", interconnect: "nvlink", perHour: cny(1) }],
    };
    const offers = [
      sampleOffer({ price }),
      sampleOffer({ offerId: "b", price, gpu: { ...gpu4090, interconnect: "nvlink" } }),
    ];
    const [plain, linked] = plan(account, offers).candidates;
    expect(plain?.breakdown).toMatchObject({ publicIp: cny(0.1), tax: cny(0.21), unknown: [] });
    expect(plain?.totalPrice).toEqual(cny(2.31));
    expect(linked?.breakdown.surcharges).toEqual(cny(1));
    expect(linked?.totalPrice).toEqual(cny(3.41));
  });

  it("changes nothing of other platforms' offers", ({ expect }) => {
    const offer = sampleOffer({ platform: "other" });
    expect(withAccount(offer, { cheap: { member: 0.5 } })).toBe(offer);
  });

  it("pays with prepaid hours first, then with coupons, and ranks by what is left", ({
    expect,
  }) => {
    const account: AccountTerms = {
      prepaidHours: [{ hours: 0.5, model: "RTX4090", asOf }],
      coupons: [{ amount: usd(0.05), asOf, until: "2026-12-31T23:59:59Z" }],
    };
    const other = sampleOffer({
      platform: "other",
      price: { ...sampleOffer().price, perHour: cny(1.5) },
    });
    const [best, next] = plan(account, [sampleOffer(), other]).candidates;
    expect(best).toMatchObject({
      platform: "cheap",
      totalPrice: cny(2),
      toPay: { prepaidHours: cny(-1), coupons: cny(-0.356), amount: cny(0.644) },
    });
    expect(next?.platform).toBe("other");
    expect(next?.reason).toBe("0.856 CNY more than the first.");
  });

  it("counts nothing on what ends before the job does, is for another card, or is not there yet", ({
    expect,
  }) => {
    const account: AccountTerms = {
      prepaidHours: [{ hours: 9, model: "H100", asOf }],
      coupons: [
        { amount: cny(1), asOf, until: "2026-11-24T00:30:00Z" },
        { amount: cny(1), asOf: "2026-12-01T00:00:00Z" },
      ],
    };
    const [best] = plan(account).candidates;
    expect(best?.toPay).toEqual({ amount: cny(2), prepaidHours: cny(0), coupons: cny(0) });
  });

  it("uses two hours of a card for an hour of a machine with two", ({ expect }) => {
    const account: AccountTerms = { prepaidHours: [{ hours: 1, asOf }] };
    const offer = sampleOffer({ gpu: { ...gpu4090, count: 2 } });
    const job = sampleJob({
      resources: { gpus: [{ models: ["RTX4090"], count: { min: 2, max: 2 } }] },
    });
    expect(plan(account, [offer], job).candidates[0]?.toPay?.prepaidHours).toEqual(cny(-1));
  });

  it("gives each part of a coupon away once", ({ expect }) => {
    const purse = openPurse({ p: { coupons: [{ amount: cny(3), asOf }] } }, context);
    const bill = { platform: "p", cardHours: 1, compute: cny(2), amount: cny(2), at: nowMs };
    expect(purse.quote(bill)?.amount).toEqual(cny(0));
    expect(purse.pay(bill)?.amount).toEqual(cny(0));
    expect(purse.pay(bill)?.amount).toEqual(cny(1));
    expect(purse.pay({ ...bill, platform: "q" })).toBeUndefined();
  });
});

describe("a deadline", () => {
  it("excludes what cannot be done in time, and says by how much", ({ expect }) => {
    const job = sampleJob({ deadline: "2026-11-24T01:10:00Z" });
    const offers = [sampleOffer(), sampleOffer({ offerId: "slow", bootSeconds: 1200 })];
    const { candidates, rejected } = plan({}, offers, job);
    expect(candidates.map(({ offerId }) => offerId)).toEqual(["a"]);
    expect(rejected).toMatchObject([
      {
        offerId: "slow",
        reasons: ["would be done 10m after the deadline of 2026-11-24 01:10Z (in 1h 10m)"],
        keys: ["deadline"],
      },
    ]);
  });
});
