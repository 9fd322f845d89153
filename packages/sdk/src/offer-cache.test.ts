import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakePlatform, createTestClock, createTestOffer } from "@gpujob/adapter-kit/testing";
import type { FakePlatform, TestClock } from "@gpujob/adapter-kit/testing";
import type { Offer } from "@gpujob/spec";
import { describe, it, onTestFinished } from "vitest";
import { collectOffers } from "./collect-offers.ts";
import type { CollectedOffers } from "./collect-offers.ts";
import { createGpujob } from "./create-gpujob.ts";
import type { Freshness, Gpujob } from "./gpujob.ts";
import { createOfferCache } from "./offer-cache.ts";
import type { ConfiguredPlatform } from "./platforms.ts";

const { signal } = new AbortController();
const minuteMs = 60_000;
const timeouts = { bootMs: 1, offersMs: 3000, releaseMs: 1, unreachableMs: 1 };

/** A platform whose answers hold for a minute, and a home that outlives the program. */
interface Shop {
  readonly home: string;
  readonly clock: TestClock;
  readonly fake: FakePlatform;
  /** As if the program were called anew. */
  readonly look: (
    freshness: Freshness,
    change?: Partial<ConfiguredPlatform["config"]>,
  ) => Promise<CollectedOffers>;
  readonly asked: () => number;
}

async function openShop(offersFreshMs = minuteMs): Promise<Shop> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-offers-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const clock = createTestClock();
  const fake = createFakePlatform({
    name: "shop",
    clock,
    offers: [createTestOffer({ offerId: "a" })],
  });
  const asked = (): number => fake.calls.filter(({ on }) => on === "offers").length;
  return {
    home,
    clock,
    fake,
    asked,
    async look(freshness, change = {}) {
      const config = { name: "shop", adapter: "fake", settings: {}, timeouts: {}, origin: "" };
      const { platform, definition } = fake;
      const capabilities = { ...fake.capabilities, offersFreshMs };
      const target = { name: "shop", platform, capabilities, timeouts, definition };
      const cache = createOfferCache({ home, currency: "CNY", clock });
      const collected = await collectOffers([{ ...target, config: { ...config, ...change } }], {
        around: { clock, upMs: () => 0 },
        kept: { cache, freshness },
        signal,
      });
      await cache.flush();
      return collected;
    },
  };
}

function offersOf({ index }: CollectedOffers): readonly Offer[] {
  return index.groups.flatMap((group) => index.read(group));
}

function idsOf(collected: CollectedOffers): readonly string[] {
  return offersOf(collected).map(({ offerId }) => offerId);
}

describe("what a platform offered", () => {
  it("stands for asking it again as long as its adapter says, with the time it was seen", async ({
    expect,
  }) => {
    const shop = await openShop();
    const first = await shop.look("usual");
    await shop.clock.advance(minuteMs);
    const second = await shop.look("usual");
    expect(shop.asked()).toBe(1);
    expect(offersOf(second)).toEqual(offersOf(first));
    await shop.clock.advance(1);
    await shop.look("usual");
    expect(shop.asked()).toBe(2);
  });

  it("is asked for at once where it is to be fresh, and that answer stands from then on", async ({
    expect,
  }) => {
    const shop = await openShop();
    await shop.look("usual");
    shop.fake.setOffer("a", { availability: "low" });
    await shop.look("refresh");
    expect(shop.asked()).toBe(2);
    expect(offersOf(await shop.look("usual"))).toMatchObject([{ availability: "low" }]);
    expect(shop.asked()).toBe(2);
  });

  it("is never kept of a platform whose answers hold for no time", async ({ expect }) => {
    const shop = await openShop(0);
    await shop.look("usual");
    await shop.look("usual");
    expect(shop.asked()).toBe(2);
    expect(await readdir(shop.home)).toEqual([]);
    const { missing } = await shop.look("cached");
    expect(missing).toMatchObject([{ platform: "shop", reason: expect.stringMatching(/cached/) }]);
    expect(shop.asked()).toBe(2);
  });

  it("is shown as it was, and marked, where the platform fails now", async ({ expect }) => {
    const shop = await openShop();
    await shop.look("usual");
    await shop.clock.advance(10 * minuteMs);
    shop.fake.failNext("offers", "unavailable");
    const stale = await shop.look("usual");
    expect(idsOf(stale)).toEqual(["a"]);
    expect([...stale.stalePlatforms]).toEqual(["shop"]);
    expect(stale.missing).toMatchObject([{ platform: "shop" }]);
    // On another day it is of no use.
    await shop.clock.advance(24 * 60 * minuteMs);
    shop.fake.failNext("offers", "unavailable");
    const late = await shop.look("usual");
    expect(idsOf(late)).toEqual([]);
    expect(late.stalePlatforms.size).toBe(0);
  });

  it("is all that --cached shows, however old, and nobody is asked", async ({ expect }) => {
    const shop = await openShop();
    const before = await shop.look("cached");
    expect(before.missing).toMatchObject([{ platform: "shop" }]);
    expect(shop.asked()).toBe(0);
    await shop.look("usual");
    await shop.clock.advance(60 * minuteMs);
    expect(idsOf(await shop.look("cached"))).toEqual(["a"]);
    expect(shop.asked()).toBe(1);
  });

  it("does not stand for a platform with other settings", async ({ expect }) => {
    const shop = await openShop();
    await shop.look("usual", { settings: { regions: ["north"] } });
    await shop.look("usual", { settings: { regions: ["south"] } });
    expect(shop.asked()).toBe(2);
  });

  it("counts from a clock that was set back as not asked", async ({ expect }) => {
    const shop = await openShop();
    await shop.look("usual");
    const path = join(shop.home, "offers", "shop.offers");
    const [label = "", ...rest] = (await readFile(path, "utf8")).split("\n");
    const later = { ...JSON.parse(label), askedAt: shop.clock.now() + 1 };
    await writeFile(path, [JSON.stringify(later), ...rest].join("\n"));
    await shop.look("usual");
    expect(shop.asked()).toBe(2);
  });

  it("is thrown away when its file is damaged anywhere, and asked for again", async ({
    expect,
  }) => {
    const shop = await openShop();
    await shop.look("usual");
    const path = join(shop.home, "offers", "shop.offers");
    const good = await readFile(path);
    const damages = [
      Buffer.from(""),
      Buffer.from("not what it was\n"),
      Buffer.from("null\n{}"),
      good.subarray(0, good.length - 1),
      Buffer.concat([good.subarray(0, -10), Buffer.from("x"), good.subarray(-9)]),
      Buffer.from(good.toString().replace(/"format":\d+/, '"format":0')),
    ];
    for (const [at, damaged] of damages.entries()) {
      await writeFile(path, damaged);
      expect(idsOf(await shop.look("usual"))).toEqual(["a"]);
      expect(shop.asked()).toBe(at + 2);
      expect(await readFile(path)).not.toEqual(damaged);
    }
  });

  it("is no obstacle where it cannot be written", async ({ expect }) => {
    const shop = await openShop();
    await writeFile(join(shop.home, "offers"), "a file where the folder should be");
    expect(idsOf(await shop.look("usual"))).toEqual(["a"]);
    expect(idsOf(await shop.look("usual"))).toEqual(["a"]);
    expect(shop.asked()).toBe(2);
  });
});

describe("gpujob", () => {
  it("keeps what platforms offer for its user alone, without any secret, and asks before it rents", async ({
    expect,
  }) => {
    const home = await mkdtemp(join(tmpdir(), "gpujob-offers-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ code: 0, data: { gpus: ["RTX 4090"] } }));
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const state = join(home, "state");
    await mkdir(state, { mode: 0o700 });
    await writeFile(
      join(state, "config.yaml"),
      `platforms:
  shop:
    adapter: gpugeek
    key: { env: SHOP_KEY }
    endpoint: http://127.0.0.1:${port}
    prices: { RTX 4090: 2 CNY/h }
`,
      { mode: 0o600 },
    );
    const environment = { HOME: home, SHOP_KEY: "never-written-down" };
    const job = { name: "j", resources: { gpu: "RTX4090" }, run: "true" };
    const call = async <Value>(use: (gpujob: Gpujob) => Promise<Value>): Promise<Value> => {
      const gpujob = createGpujob({ home: state, cwd: home, environment });
      try {
        return await use(gpujob);
      } finally {
        await gpujob.close();
      }
    };
    const first = await call((gpujob) => gpujob.plan({ job }, { signal }));
    expect(first.rejected).toMatchObject([{ platform: "shop", offerId: "RTX 4090" }]);
    const second = await call((gpujob) => gpujob.plan({ job }, { signal }));
    expect(second.rejected).toEqual(first.rejected);
    const { offers } = await call((gpujob) => gpujob.offers({ gpu: "RTX4090" }, { signal }));
    expect(offers).toMatchObject([{ platform: "shop", offerId: "RTX 4090" }]);
    expect(asked).toBe(1);

    const folder = join(state, "offers");
    expect(await readdir(folder)).toEqual(["shop.offers"]);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const path = join(folder, "shop.offers");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).not.toMatch(/never-written-down|SHOP_KEY/);

    // This one has nothing in stock; what counts is that it was asked.
    const submitted = call((gpujob) => gpujob.submit({ job }, { signal }));
    await expect(submitted).rejects.toThrow("No offer fits");
    expect(asked).toBe(2);

    // Two minutes later the platform does not answer any more.
    server.close();
    server.closeAllConnections();
    const [label = "", ...rest] = (await readFile(path, "utf8")).split("\n");
    const older = { ...JSON.parse(label), askedAt: Date.now() - 2 * minuteMs };
    await writeFile(path, [JSON.stringify(older), ...rest].join("\n"));
    const stale = await call((gpujob) => gpujob.offers({ gpu: "RTX4090" }, { signal }));
    expect(stale.offers).toMatchObject([{ offerId: "RTX 4090", isStale: true }]);
    expect(stale.missing).toMatchObject([{ platform: "shop" }]);
  });
});
