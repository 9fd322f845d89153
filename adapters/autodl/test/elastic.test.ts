import { createTestRequest } from "@gpujob/adapter-kit/testing";
import type { Platform } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { FakeAutodl, FakeAutodlOptions } from "./fake-autodl.ts";
import { startFakeAutodl } from "./fake-autodl.ts";
import { bodyOf } from "./fake-wire.ts";
import { openAutodl } from "./open-autodl.ts";

const wait = { signal: new AbortController().signal };

async function withElastic(
  work: (fake: FakeAutodl, platform: Platform) => Promise<void>,
  settings: object = {},
  options: FakeAutodlOptions = {},
): Promise<void> {
  const fake = await startFakeAutodl(options);
  try {
    await work(fake, openAutodl(fake, { product: "elastic", ...settings }).platform);
  } finally {
    await fake.close();
  }
}

async function requestFor(platform: Platform, offerId: string) {
  const offer = (await platform.listOffers({}, wait)).find((one) => one.offerId === offerId);
  if (offer === undefined) throw new Error(`There is no offer ${offerId}.`);
  return createTestRequest(offer, Date.now());
}

describe("Elastic Deployment", () => {
  it("counts idle single cards, and says little of several in one machine", ({ expect }) =>
    withElastic(async (_fake, platform) => {
      const offers = await platform.listOffers({}, wait);
      const stockOf = (id: string) => offers.find(({ offerId }) => offerId === id)?.availability;
      expect(stockOf("westDC3/RTX-5090/1")).toBe(3);
      expect(stockOf("westDC3/RTX-5090/2")).toBe("low");
      expect(stockOf("westDC3/RTX-5090/4")).toBe("none");
    }));

  it("sends the limit of the price along, and ends by itself when its time is over", ({ expect }) =>
    withElastic(async (fake, platform) => {
      const request = await requestFor(platform, "westDC3/RTX-4090D/1");
      const priceLimit = { currency: "CNY", micros: 3_000_000 };
      await platform.createLease({ ...request, priceLimit }, wait);
      const order = fake.requests.find(({ path }) => path.endsWith("/deployment"));
      expect(order === undefined ? {} : bodyOf(order)).toMatchObject({
        deployment_type: "Container",
        container_template: {
          dc_list: ["westDC3"],
          gpu_name_set: ["RTX 4090D"],
          price_to: 3000,
          cmd: expect.stringMatching(/^sleep \d+$/),
        },
      });
    }));

  it("costs nothing while it waits for a card", ({ expect }) =>
    withElastic(async (fake, platform) => {
      const request = await requestFor(platform, "westDC3/RTX-4090D/1");
      const priceLimit = { currency: "CNY", micros: 1_000_000 };
      const lease = await platform.createLease({ ...request, priceLimit }, wait);
      expect(lease).toMatchObject({ state: "pending", isBillable: false });
      expect(fake.billing()).toEqual([]);
      expect(
        (await platform.listLeases({ installation: lease.ownership?.installation ?? "" }, wait))
          .length,
      ).toBe(1);
    }));

  it("says that a personal account may not, and what may be used instead", ({ expect }) =>
    withElastic(
      async (_fake, platform) => {
        await expect(platform.listLeases({ installation: "conforma" }, wait)).rejects.toMatchObject(
          {
            failure: {
              kind: "not_verified",
              scope: "account",
              hint: expect.stringContaining("product: pro"),
            },
          },
        );
        // The stock is told to everybody.
        expect((await platform.listOffers({}, wait)).length).toBeGreaterThan(0);
      },
      {},
      { isEnterprise: false },
    ));

  it("is GPUhub's way too, in dollars and with its own regions", ({ expect }) =>
    withElastic(
      async (_fake, platform) => {
        const request = await requestFor(platform, "Singapore-A/RTX-5090/1");
        expect(request.offer.price.perHour).toEqual({ currency: "USD", micros: 360_000 });
        expect(request.offer).not.toHaveProperty("country");
        const lease = await platform.createLease(request, wait);
        expect(lease.pricePerHour).toEqual({ currency: "USD", micros: 2_930_000 });
        expect((await platform.getBalance?.(wait))?.currency).toBe("USD");
      },
      { site: "gpuhub", regions: ["Singapore-A"] },
    ));

  it("refuses a login command that cannot be read", ({ expect }) =>
    withElastic(async (fake, platform) => {
      const lease = await platform.createLease(
        await requestFor(platform, "westDC3/RTX-4090D/1"),
        wait,
      );
      const row = {
        uuid: "c",
        status: "running",
        price: 2080,
        started_at: null,
        stopped_at: null,
        info: { ssh_command: "please use the console", root_password: "x" },
      };
      const data = { list: [row], max_page: 1, result_total: 1 };
      fake.answerNext("/container/list", { json: { code: "Success", msg: "", data } });
      await expect(platform.getLease(lease.leaseId, wait)).rejects.toMatchObject({
        failure: { kind: "contract_violation", scope: "platform" },
      });
    }));
});
