import { describe, it } from "vitest";
import { runGpujob } from "./support/gpujob.ts";
import { makeMarketHome, readEnvelope } from "./support/market.ts";

const market = `platforms:
  one:
    adapter: mock
    offers: [{ type: a, gpu: "RTX4090:24GB:1", stock: 1, price: 1.32 CNY/h }]
    boot: 0s
  two:
    adapter: mock
    offers: [{ type: b, gpu: "RTX4090:24GB:1", stock: 1, price: 1.4 CNY/h }]
    boot: 0s
`;

interface Check {
  readonly subject: string;
  readonly state: string;
  readonly message: string;
}

describe("measuring machines", () => {
  it("rents one for doctor --probe, says what it does and what could not be measured, and gives it back", async ({
    expect,
  }) => {
    const place = await makeMarketHome(market, {});
    const words = ["doctor", "one", "--probe", "-y", "--json"];
    const { code, out } = await runGpujob(words, { ...place, timeoutMs: 170_000 });
    const { data } = readEnvelope<readonly Check[]>(out);
    expect(data).toHaveLength(1);
    expect(data?.[0]).toMatchObject({ subject: "one", state: "warning" });
    // A machine of the market has the cards that it was rented with by name, and nothing that computes.
    expect(data?.[0]?.message).toContain("Not measured: ");
    expect(code).toBe(0);
    const meter = await runGpujob(["mock", "meter", "--json"], place);
    const { data: bills } = readEnvelope<{ readonly machines: readonly { endedAt: unknown }[] }>(
      meter.out,
    );
    expect(bills?.machines).toHaveLength(1);
    expect(bills?.machines[0]?.endedAt).not.toBeNull();
  }, 180_000);

  it("asks for a platform, and for consent where nobody can be asked", async ({ expect }) => {
    const place = await makeMarketHome(market, {});
    const nowhere = await runGpujob(["doctor", "--probe", "-y"], place);
    expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining("one platform")]);
    const silent = await runGpujob(["doctor", "one", "--probe"], place);
    expect([silent.code, silent.err]).toEqual([2, expect.stringContaining("Add -y")]);
  });

  it("says in a plan what --hedge and --probe will do and cost", async ({ expect }) => {
    const place = await makeMarketHome(market, { "job.yaml": `run: "true"\n` });
    const { out } = await runGpujob(["plan", "job.yaml", "--hedge", "--probe", "--json"], place);
    const { data } = readEnvelope<{ readonly notes: readonly string[] }>(out);
    expect(data?.notes).toEqual([
      expect.stringMatching(/^Hedge: asks two b at the same time .* at most 0\.\d+ CNY more\.$/),
      expect.stringMatching(/^Probe: /),
    ]);
  });
});
