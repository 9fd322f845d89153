import { describe, it } from "vitest";
import { runGpujob } from "./support/gpujob.ts";
import { makeMarketHome, readEnvelope } from "./support/market.ts";

const market = `platforms:
  cheap:
    adapter: mock
    offers:
      - { type: small, gpu: "RTX3060:12GB:1", price: 0.8 CNY/h, stock: 3 }
      - { type: middle, gpu: "RTX4090:24GB:1", price: 2 CNY/h, stock: 3 }
      - { type: large, gpu: "A100:80GB:1", price: 7 CNY/h, stock: 3 }
`;
const jobOf = (model: string): string => `name: test\nmodel: ${model}\nrun: "true"\n`;

interface PlanData {
  readonly candidates: readonly { readonly offerId: string; readonly model?: unknown }[];
  readonly model: { readonly alternatives: readonly { readonly change: string }[] };
}

describe("a job that names its model", () => {
  it("is planned on the cheapest card that holds it, with what would be cheaper", async ({
    expect,
  }) => {
    const files = { "job.yaml": jobOf("{ params: 7B, context: 2k }") };
    const place = await makeMarketHome(market, files);
    const { code, out } = await runGpujob(["plan", "job.yaml", "--json"], place);
    const data = readEnvelope<PlanData>(out).data;
    expect(code).toBe(0);
    expect(data?.candidates.map(({ offerId }) => offerId)).toEqual(["middle", "large"]);
    expect(data?.candidates[0]?.model).toMatchObject({ headroomGib: expect.any(Number) });
    expect(data?.model.alternatives.map(({ change }) => change)).toEqual([
      "model.precision: int8",
      "model.precision: int4",
    ]);
    const shown = await runGpujob(["plan", "job.yaml"], place);
    expect(shown.out).toContain("Needs weights 13.0 + ");
    expect(shown.out).toContain("Cheaper with model.precision: int8");
  });

  it("is refused where nobody knows the model or its size", async ({ expect }) => {
    const files = { "job.yaml": jobOf("{ name: Qwen2.5-8B }") };
    const { code, err } = await runGpujob(
      ["plan", "job.yaml"],
      await makeMarketHome(market, files),
    );
    expect(code).toBe(2);
    expect(err).toContain("Qwen2.5-8B is no model that gpujob knows");
    expect(err).toContain("Did you mean");
  });
});
