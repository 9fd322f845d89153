import { createTestContext, errorTableProblems } from "@gpujob/adapter-kit/testing";
import type { TestAnswer } from "@gpujob/adapter-kit/testing";
import { PlatformError } from "@gpujob/spec";
import type { Failure, Offer } from "@gpujob/spec";
import { describe, it } from "vitest";
import { gpugeekErrors } from "../src/errors.ts";
import gpugeek from "../src/index.ts";
import { gpugeekKey, readFixture, startFakeGpugeek } from "./fake-gpugeek.ts";

const wait = { signal: new AbortController().signal };

async function ask(
  answer: TestAnswer | undefined,
  prices: Readonly<Record<string, string>> = { "RTX 4090": "2.1 CNY/h", "RTX 3090": "1.4 CNY/h" },
  key = gpugeekKey,
): Promise<readonly Offer[] | Failure> {
  const fake = await startFakeGpugeek(answer);
  const config = gpugeek.configSchema.parse({
    key: { env: "GZ_KEY" },
    endpoint: fake.url,
    prices,
  });
  const context = createTestContext({ platform: "gpugeek", secrets: { GZ_KEY: key } });
  try {
    return await gpugeek.create(config, context).listOffers({}, wait);
  } catch (error) {
    if (!PlatformError.is(error)) throw error;
    return error.failure;
  } finally {
    await fake.close();
  }
}

describe("gpugeek", () => {
  it("lists the cards whose price the user has named, as not to be had from here", async ({
    expect,
  }) => {
    expect(await ask(undefined)).toMatchObject([
      { offerId: "RTX 3090", availability: "none" },
      {
        offerId: "RTX 4090",
        gpu: { model: "RTX4090", vramGib: 24 },
        price: { perHour: { currency: "CNY", micros: 2_100_000 } },
        notes: [expect.stringContaining("adapter: rented")],
      },
    ]);
    expect(await ask(undefined, {})).toEqual([]);
  });

  it("lists a card once that comes twice, and none that it does not know", async ({ expect }) => {
    const data = { gpus: ["RTX 4090", "RTX 4090", "MOON 1"] };
    const prices = { "RTX 4090": "2 CNY/h", "MOON 1": "1 CNY/h" };
    const offers = await ask({ json: { code: 0, data } }, prices);
    expect(offers).toMatchObject([{ offerId: "RTX 4090" }]);
    expect(offers).toHaveLength(1);
  });

  it("takes an empty list for one that sells nothing", async ({ expect }) => {
    expect(await ask({ json: { code: 0, data: { gpus: [] } } })).toEqual([]);
  });

  it("reads a refusal inside HTTP 200, with its trace id", async ({ expect }) => {
    expect(await ask({ json: JSON.parse(await readFixture("refusal-in-200")) })).toMatchObject({
      kind: "unavailable",
      platformCode: "10001",
      requestId: "0000000000000002",
      message: expect.stringContaining("not verified as an enterprise"),
    });
  });

  it.for([
    ["a page of HTML", { text: "<html>Welcome</html>" }],
    ["missing fields", { json: { code: 0, data: {} } }],
    ["other types", { json: { code: 0, data: { gpus: [{ name: "RTX 4090" }] } } }],
    ["nothing", { text: "" }],
  ] as const)("calls %s a broken contract", async ([, answer], { expect }) => {
    expect(await ask(answer)).toMatchObject({ kind: "contract_violation", scope: "platform" });
  });

  it("says what to do about a key that is refused, without the key", async ({ expect }) => {
    const failure = await ask(undefined, {}, "wrong-horse-battery");
    expect(failure).toMatchObject({
      kind: "unauthorized",
      hint: expect.stringContaining("enterprise accounts only"),
    });
    expect(JSON.stringify(failure)).not.toContain("wrong-horse-battery");
  });

  it("finds each row of the error table by its fixture", async ({ expect }) => {
    const problems = await errorTableProblems(gpugeekErrors, async (name) =>
      JSON.parse(await readFixture(name)),
    );
    expect(problems).toEqual([]);
  });
});
