import { describe, it } from "vitest";
import { openTestMarket, rentMachine, runOn, untilState, wait } from "./market-fixture.ts";

describe("a machine of the mock market", { timeout: 60_000 }, () => {
  it("runs processes in its own home and ends with its release", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      const lease = await rentMachine(market.platform);
      const said = await runOn(market.platform, lease, ["sh", "-c", "pwd; echo $HOME; exit 3"]);
      expect(said.code).toBe(3);
      expect(said.stdout.split("\n")[0]).toContain(lease.leaseId);
      await market.platform.releaseLease(lease.leaseId, wait);
      const ended = await untilState(market.platform, lease.leaseId, "ended");
      expect(ended).toMatchObject({ isBillable: false, reason: "released" });
    } finally {
      await market.close();
    }
  });
});
