import { describe, it } from "vitest";
import { createTestContext, errorTableProblems } from "@gpujob/adapter-kit/testing";
import { toFailure } from "@gpujob/spec";
import { marketErrors } from "../src/errors.ts";
import mockAdapter, { readMeter } from "../src/index.ts";
import { newRequest, openServedMarket, rentMachine, wait } from "./market-fixture.ts";
import type { ServedMarket } from "./market-fixture.ts";

async function ask(
  { url, token }: ServedMarket,
  path: string,
  over: {
    readonly method?: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { authorization: `Bearer ${token}`, ...over.headers };
  const response = await fetch(`${url}${path}`, { ...over, headers });
  return { status: response.status, body: await response.json() };
}

describe("a market that is served", { timeout: 60_000 }, () => {
  it("answers nobody without its token, and no page in a browser", async ({ expect }) => {
    const market = await openServedMarket();
    try {
      expect(await ask(market, "/v1/offers")).toMatchObject({ status: 200 });
      for (const path of ["/v1/offers", "/admin/meter", "/admin/calls", "/nothing"]) {
        const stranger = { headers: { authorization: "Bearer x" } };
        expect(await ask(market, path, stranger)).toMatchObject({ status: 401 });
        const page = { headers: { origin: "http://evil.example" } };
        expect(await ask(market, path, page)).toMatchObject({ status: 403 });
      }
    } finally {
      await market.close();
    }
  });

  it("tells its meter in money by machine, and takes faults while it is in use", async ({
    expect,
  }) => {
    const market = await openServedMarket();
    try {
      const { leaseId } = await rentMachine(market.platform);
      const added = await ask(market, "/admin/faults", {
        method: "POST",
        body: JSON.stringify({ on: "create", do: "error", kind: "no_capacity" }),
      });
      expect(added.status).toBe(200);
      const request = await newRequest(market.platform);
      const refused = market.platform.createLease(request, wait).catch(toFailure);
      expect(await refused).toMatchObject({ kind: "no_capacity", scope: "offer" });
      await ask(market, "/admin/faults", { method: "DELETE" });
      await market.platform.createLease(request, wait);
      const { body } = await ask(market, "/admin/meter");
      expect(body).toMatchObject({ machines: [{ leaseId, endedAt: null }, {}] });
      expect(readMeter(market.home).machines).toHaveLength(2);
      const nonsense = await ask(market, "/admin/faults", { method: "POST", body: '{"on":"x"}' });
      expect(nonsense.status).toBe(422);
      const notice = { method: "POST", body: JSON.stringify({ noticeMs: 60_000 }) };
      await ask(market, `/admin/machines/${leaseId}/interrupt`, notice);
      const seen = await market.platform.watchInterruption?.(leaseId, wait);
      expect(Date.parse(seen?.endsAt ?? "")).toBeGreaterThan(Date.now());
    } finally {
      await market.close();
    }
  });

  it("has the same faults by chance for the same seed, and others for another", async ({
    expect,
  }) => {
    const played = await Promise.all([5, 5, 6].map((seed) => playSeed(seed)));
    expect(played[0]).toEqual(played[1]);
    expect(played[0]).not.toEqual(played[2]);
    expect(played[0]?.filter((status) => status !== 404).length).toBeGreaterThan(3);
  });

  it("has an error table whose every row is found by its code", async ({ expect }) => {
    const facts = (code: string) => ({ code, status: code === "NoSuchMachine" ? 404 : 409 });
    expect(await errorTableProblems(marketErrors, facts)).toEqual([]);
  });

  it("has its own offers, which its clients cannot change", async ({ expect }) => {
    const market = await openServedMarket();
    try {
      const config = { ...market.config, offers: [{ type: "x", gpu: "4090", price: 1 }] };
      const make = () =>
        mockAdapter.create(
          mockAdapter.configSchema.parse(config),
          createTestContext({ platform: market.url }),
        );
      expect(make).toThrow("has its own offers");
    } finally {
      await market.close();
    }
  });
});

/** The statuses of so many lists; a market that breaks off counts as 0. */
async function playSeed(seed: number): Promise<readonly number[]> {
  const market = await openServedMarket({ random: 0.5, seed });
  try {
    const seen: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      const asked = ask(market, "/v1/machines/m-none");
      seen.push(await asked.then(({ status }) => status).catch(() => 0));
    }
    return seen;
  } finally {
    await market.close();
  }
}
