import { describe, it } from "vitest";
import { runGpujob } from "./support/gpujob.ts";
import { jobOf, makeMarketHome, marketOf, readEnvelope } from "./support/market.ts";

interface Meter {
  readonly machines: readonly { readonly endedAt: string | null; readonly billedSeconds: number }[];
}

interface Cost {
  readonly lines: readonly { readonly billedSeconds: number }[];
}

describe("a kept machine", () => {
  it("is used by the next job, which sends only what changed and pays from there on", async ({
    expect,
  }) => {
    const job = jobOf("echo $GPUJOB_MOCK_MACHINE", "workdir: .\nkeep: 60s\n");
    const place = await makeMarketHome(marketOf(), {
      "job.yaml": job,
      "data.bin": "x".repeat(100_000),
    });
    const first = await runGpujob(["submit", "job.yaml", "-y", "-n", "one"], place);
    expect(first.code).toBe(0);
    expect(first.err).toContain("submit --on");
    const second = await runGpujob(["submit", "job.yaml", "-y", "-n", "two", "--on", "one"], place);
    expect(second).toMatchObject({ code: 0, out: first.out });
    expect(second.err).toContain("0 B of ");
    await runGpujob(["stop", "two"], place);
    await runGpujob(["wait", "two", "--timeout", "30s"], place);
    const meterCall = await runGpujob(["mock", "meter", "--json"], place);
    const meter = readEnvelope<Meter>(meterCall.out).data;
    const costCall = await runGpujob(["cost", "--json"], place);
    const cost = readEnvelope<Cost>(costCall.out).data;
    expect(meter?.machines).toHaveLength(1);
    expect(meter?.machines[0]?.endedAt).not.toBeNull();
    const billed = (cost?.lines ?? []).reduce((sum, line) => sum + line.billedSeconds, 0);
    expect(Math.abs(billed - (meter?.machines[0]?.billedSeconds ?? 0))).toBeLessThanOrEqual(2);
  });

  it("is refused when the run keeps none", async ({ expect }) => {
    const place = await makeMarketHome(marketOf(), { "job.yaml": jobOf("true") });
    await runGpujob(["submit", "job.yaml", "-y", "-n", "one"], place);
    const second = await runGpujob(["submit", "job.yaml", "-y", "--on", "one"], place);
    expect(second.code).toBe(2);
    expect(second.err).toContain("keep: 15m");
  });
});
