import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakePlatform, createTestClock, createTestOffer } from "@gpujob/adapter-kit/testing";
import type { FakeFault, FakePlatform, TestClock } from "@gpujob/adapter-kit/testing";
import { openStore } from "@gpujob/store";
import { describe, it, onTestFinished } from "vitest";
import { createOfferCache } from "./offer-cache.ts";
import type { ConfiguredPlatform } from "./platforms.ts";
import { createStockWatch } from "./stock-watch.ts";
import type { WatchedOffers } from "./stock-watch.ts";

const { signal } = new AbortController();
const timeouts = { bootMs: 1, offersMs: 3000, releaseMs: 1, unreachableMs: 1 };

interface Market {
  readonly clock: TestClock;
  readonly platforms: readonly FakePlatform[];
  /** One look of the `program`-th process that waits. */
  readonly look: (program?: number, signal?: AbortSignal) => Promise<WatchedOffers>;
  /** How often each platform was asked. */
  readonly asked: () => readonly number[];
}

/** Platforms `one` and `two`, watched by two programs of one home. */
async function openMarket(
  options: {
    readonly faults?: readonly FakeFault[];
    readonly stockMs?: number;
    readonly random?: number;
  } = {},
): Promise<Market> {
  const { random = 0.5, stockMs } = options;
  const home = await mkdtemp(join(tmpdir(), "gpujob-stock-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const clock = createTestClock({ auto: true });
  const store = await openStore({ path: ":memory:", clock, newId: () => "test" });
  const platforms = ["one", "two"].map((name) =>
    createFakePlatform({
      name,
      clock,
      offers: [createTestOffer({ offerId: name, availability: "none" })],
      ...(name === "one" && options.faults !== undefined ? { faults: [...options.faults] } : {}),
    }),
  );
  const targets = platforms.map(
    ({ platform, definition, capabilities }, at): ConfiguredPlatform => {
      const name = at === 0 ? "one" : "two";
      const config = { name, adapter: "fake", settings: {}, timeouts: {}, origin: "" };
      const pace = stockMs === undefined ? {} : { stockMs };
      return {
        name,
        platform,
        definition,
        capabilities,
        config,
        timeouts: { ...timeouts, ...pace },
      };
    },
  );
  const programs = [1, 2].map(() =>
    createStockWatch({
      around: { clock, upMs: () => 1e9 },
      store: async () => store,
      cache: createOfferCache({ home, currency: "CNY", clock }),
      random: () => random,
    }),
  );
  return {
    clock,
    platforms,
    asked: () => platforms.map(({ calls }) => calls.filter(({ on }) => on === "offers").length),
    async look(program = 1, ended = signal) {
      const watch = programs[program - 1];
      if (watch === undefined) throw new Error(`There is no program ${program}.`);
      return watch.collect(targets, { signal: ended });
    },
  };
}

describe("watching for stock", () => {
  it("asks a platform once for its pace, for all programs that wait, and says when to look again", async ({
    expect,
  }) => {
    const market = await openMarket();
    const first = await market.look();
    expect(first).toMatchObject({ againAfterMs: 20_000, missing: [], index: { size: 2 } });
    await market.clock.sleep(5000, { signal });
    for (const program of [1, 2, 1, 2]) {
      expect(await market.look(program)).toMatchObject({
        againAfterMs: 15_000,
        index: { size: 2 },
      });
    }
    expect(market.asked()).toEqual([1, 1]);
    await market.clock.sleep(15_000, { signal });
    await market.look(2);
    expect(market.asked()).toEqual([2, 2]);
    await market.look(1);
    expect(market.asked()).toEqual([2, 2]);
  });

  it("shares one question between runs of one program that look at the same moment", async ({
    expect,
  }) => {
    const market = await openMarket();
    await Promise.all([market.look(), market.look(), market.look()]);
    expect(market.asked()).toEqual([1, 1]);
  });

  it("spreads the questions of many programs, and takes the pace that is configured", async ({
    expect,
  }) => {
    const early = await openMarket({ random: 0, stockMs: 60_000 });
    expect((await early.look()).againAfterMs).toBe(51_000);
    const late = await openMarket({ random: 1, stockMs: 60_000 });
    expect((await late.look()).againAfterMs).toBe(69_000);
  });

  it("waits as long as a platform asks that was asked too often, and then longer each time", async ({
    expect,
  }) => {
    const limited = {
      on: "offers",
      do: "error",
      kind: "rate_limited",
      retryAfterMs: 90_000,
    } as const;
    const market = await openMarket({ faults: [limited] });
    await market.look();
    const waits: number[] = [];
    for (let seconds = 0; seconds < 2400; seconds += 20) {
      const [before = 0] = market.asked();
      const found = await market.look();
      expect(found.missing[0]).toMatchObject({
        platform: "one",
        failure: { kind: "rate_limited" },
      });
      const [after = 0] = market.asked();
      if (after > before) waits.push(seconds);
      await market.clock.sleep(20_000, { signal });
    }
    const gaps = waits.slice(1).map((at, index) => at - (waits[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(90);
    expect(Math.max(...gaps)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(700);
    // The other one is asked at its own pace meanwhile.
    expect(market.asked()[1]).toBeGreaterThanOrEqual(100);
  });

  it("tries one that is silent for a moment again soon", async ({ expect }) => {
    const market = await openMarket({
      faults: [{ on: "offers", nth: 1, do: "error", kind: "unavailable" }],
    });
    const first = await market.look();
    expect(first.missing).toHaveLength(1);
    expect(first.againAfterMs).toBe(2000);
    await market.clock.sleep(2000, { signal });
    expect((await market.look()).missing).toEqual([]);
    expect(market.asked()).toEqual([2, 1]);
  });

  it("ends with its run, though others wait for the same answer", async ({ expect }) => {
    const market = await openMarket();
    const ended = new AbortController();
    const given = market.look(1, ended.signal);
    const others = market.look();
    ended.abort(new Error("stopped"));
    await expect(given).rejects.toThrow("stopped");
    expect((await others).index.size).toBe(2);
    expect(market.asked()).toEqual([1, 1]);
  });
});
