import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";

type Wait = { readonly signal: AbortSignal };

describe("a machine that its platform shows no more once it is gone", () => {
  it.for([700, 4600, 23_400])(
    "ends in the ledger within a second of its bill when it takes %i ms to go",
    async (releaseMs, { expect }) => {
      const offers = [testOffer("a", "one", 3_600_000_000)];
      const world = await createWorld({ platforms: { one: { offers, releaseMs } } });
      const { one } = world.platforms;
      if (one === undefined) throw new Error("no platform one");
      const asked = { ...one.platform };
      Object.assign(one.platform, {
        getLease: async (leaseId: string, wait: Wait) => {
          const lease = await asked.getLease(leaseId, wait);
          if (lease?.state === "ended") return undefined;
          // It bills until it is gone.
          return lease && { ...lease, isBillable: true };
        },
        releaseLease: async (leaseId: string, wait: Wait) => {
          const progress = await asked.releaseLease(leaseId, wait);
          const pauses = { againAfterMs: 3000, watchEveryMs: 500 };
          return progress.state === "released" ? progress : { ...progress, ...pauses };
        },
      });
      await world.drive();
      const view = await world.view();
      expect(view).toMatchObject({ state: "succeeded", billing: "ended" });
      const [bill] = one.bills();
      // A second costs a million millionths.
      const over = (view.cost.micros - (bill?.amount.micros ?? 0)) / 1e6;
      expect(over).toBeGreaterThanOrEqual(0);
      expect(over).toBeLessThanOrEqual(1);
    },
  );
});
