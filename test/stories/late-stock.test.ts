import { describe, it } from "vitest";
import { createWorld, testOffer } from "./support/world.ts";

describe("a machine that was promised before its stock was taken", () => {
  it("counts as no capacity, and the next offer follows at once", async ({ expect }) => {
    const world = await createWorld({
      platforms: {
        one: { offers: [testOffer("a", "one", 1_000_000), testOffer("b", "one", 2_000_000)] },
      },
    });
    const { one } = world.platforms;
    if (one === undefined) throw new Error("no platform one");
    one.addFault({ on: "lease", nth: 1, do: "fail-boot" });
    const asked = { ...one.platform };
    Object.assign(one.platform, {
      getLease: async (leaseId: string, wait: { readonly signal: AbortSignal }) => {
        const lease = await asked.getLease(leaseId, wait);
        const failed = {
          failedFor: "no_capacity",
          reason: "there was no stock after all",
        } as const;
        return lease?.state === "failed" ? { ...lease, ...failed } : lease;
      },
    });
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", billing: "ended" });
    expect(view.attempts.map(({ offerId }) => offerId)).toEqual(["a", "b"]);
    expect(view.attempts[0]?.reason).toContain("there was no stock after all");
    const events = await world.store.listEvents(world.runId);
    const failed = events.find(({ type }) => type === "node-failed");
    expect(failed?.data).toContain('"kind":"no_capacity"');
    expect(one.bills().every(({ endedAt }) => endedAt !== undefined)).toBe(true);
  });
});
