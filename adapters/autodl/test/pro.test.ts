import { createTestRequest } from "@gpujob/adapter-kit/testing";
import type { Lease, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { FakeAutodl, FakeAutodlOptions } from "./fake-autodl.ts";
import { startFakeAutodl } from "./fake-autodl.ts";
import { bodyOf } from "./fake-wire.ts";
import { openAutodl } from "./open-autodl.ts";

const wait = { signal: new AbortController().signal };

interface World {
  readonly fake: FakeAutodl;
  readonly platform: Platform;
  readonly offer: (id?: string) => Promise<Offer>;
  readonly rent: (over?: Partial<LeaseRequest>) => Promise<Lease>;
  readonly untilState: (id: string, state: string) => Promise<Lease>;
  /** The path ends and bodies of what was asked so far. */
  readonly asked: (end: string) => Record<string, unknown>[];
}

async function withWorld(
  work: (world: World) => Promise<void>,
  settings: object = {},
  options: FakeAutodlOptions = {},
): Promise<void> {
  const fake = await startFakeAutodl(options);
  const { platform } = openAutodl(fake, settings);
  const offer = async (id = "any/4090D/1"): Promise<Offer> => {
    const found = (await platform.listOffers({}, wait)).find(({ offerId }) => offerId === id);
    if (found === undefined) throw new Error(`There is no offer ${id}.`);
    return found;
  };
  try {
    await work({
      fake,
      platform,
      offer,
      rent: async (over = {}) =>
        platform.createLease(
          { ...createTestRequest(over.offer ?? (await offer()), Date.now()), ...over },
          wait,
        ),
      async untilState(id, state) {
        for (let look = 0; look < 20; look++) {
          const lease = await platform.getLease(id, wait);
          if (lease?.state === state) return lease;
        }
        throw new Error(`${id} did not become ${state}.`);
      },
      asked: (end) =>
        fake.requests.filter(({ path }) => path.endsWith(end)).map((one) => bodyOf(one)),
    });
  } finally {
    await fake.close();
  }
}

describe("offers of Container Instance Pro", () => {
  it("carry the sheet's price and date, as known only once rented", ({ expect }) =>
    withWorld(async ({ offer }) => {
      const { price, observedAt, notes, country } = await offer("any/4090D/2");
      expect(price).toMatchObject({
        perHour: { currency: "CNY", micros: 3_760_000 },
        source: "after-create",
        confidence: "observed",
      });
      expect(observedAt).toBe("2026-09-01T00:00:00.000Z");
      expect(notes?.[0]).toContain("observed on 2026-09-01");
      expect(country).toBe("cn");
    }));

  it("take the user's price before the sheet's, and a discount on the sheet's only", ({ expect }) =>
    withWorld(
      async ({ offer }) => {
        expect((await offer("any/4090D/1")).price.perHour.micros).toBe(1_500_000);
        expect((await offer("any/pro6000-p/1")).price.perHour.micros).toBe(5_681_000);
      },
      { prices: { "4090D": "1.5 CNY/h" }, discount: 0.95 },
    ));

  it("give jobs a mirror of Hugging Face, unless the platform's own proxy does that", async ({
    expect,
  }) => {
    const mirrorOf = async (settings: object): Promise<unknown> => {
      let found: unknown;
      await withWorld(async ({ platform }) => {
        found = (await platform.listOffers({}, wait))[0]?.environment;
      }, settings);
      return found;
    };
    expect(await mirrorOf({})).toEqual({ HF_ENDPOINT: "https://hf-mirror.com" });
    expect(await mirrorOf({ networkAcceleration: true })).toBeUndefined();
    expect(await mirrorOf({ site: "gpuhub", regions: ["Singapore-A"] })).toBeUndefined();
  });

  it("leave out a card that nobody has priced, until the user does", async ({ expect }) => {
    const idsOf = async (settings: object): Promise<readonly string[]> => {
      let ids: readonly string[] = [];
      await withWorld(async ({ platform }) => {
        ids = (await platform.listOffers({}, wait)).map(({ offerId }) => offerId);
      }, settings);
      return ids;
    };
    expect(await idsOf({})).not.toContain("any/v-48g-350w/1");
    expect(await idsOf({ prices: { "v-48g-350w": "2 CNY/h" } })).toContain("any/v-48g-350w/1");
  });

  it("name the rooms that the user asks for, and no other", ({ expect }) =>
    withWorld(
      async ({ platform, rent, offer, asked }) => {
        const offers = await platform.listOffers({}, wait);
        expect(new Set(offers.map(({ region }) => region))).toEqual(new Set(["westDC3"]));
        await rent({ offer: await offer("westDC3/4090D/1") });
        expect(asked("/pro/create")[0]?.["data_center_list"]).toEqual(["westDC3"]);
      },
      { regions: ["westDC3"] },
    ));
});

describe("a create of Container Instance Pro", () => {
  it("sends whole units, the name as its tag, and a switch-off for the end of its time", ({
    expect,
  }) =>
    withWorld(async ({ rent, asked }) => {
      await rent({ diskGib: 80, image: "pytorch-2.8" });
      const [order] = asked("/pro/create");
      expect(order).toMatchObject({
        gpu_spec_uuid: "4090D",
        req_gpu_amount: 1,
        expand_system_disk_by_gb: 50,
        cuda_v_from: 128,
        image_uuid: "base-image-ec1e9vdbd3",
      });
      expect(order?.["instance_name"]).toMatch(/^gj-/);
      expect(order?.["start_command"]).toMatch(/sleep \d+; \/usr\/bin\/shutdown/);
      expect(order?.["start_command"]).not.toContain("network_turbo");
      // The scheduler finds a card most often where it may choose the room.
      expect(order).not.toHaveProperty("data_center_list");
    }));

  it("switches the network acceleration on for login shells where asked", ({ expect }) =>
    withWorld(
      async ({ rent, asked }) => {
        await rent();
        expect(asked("/pro/create")[0]?.["start_command"]).toContain("/etc/network_turbo");
      },
      { networkAcceleration: true },
    ));

  it("refuses an image that does not exist before anything is rented", ({ expect }) =>
    withWorld(async ({ rent, asked }) => {
      await expect(rent({ image: "pytorch-9" })).rejects.toMatchObject({
        failure: { kind: "unsupported_request", hint: expect.stringContaining("pytorch-2.0") },
      });
      expect(asked("/pro/create")).toHaveLength(0);
    }));

  it("makes one machine when its reply is lost and it is asked again", ({ expect }) =>
    withWorld(async ({ fake, platform, offer, asked }) => {
      const request = createTestRequest(await offer(), Date.now());
      fake.helpers.loseNextCreateReply();
      await expect(platform.createLease(request, wait)).rejects.toMatchObject({
        failure: { kind: "outcome_unknown" },
      });
      const { leaseId } = await platform.createLease(request, wait);
      expect(asked("/pro/create")).toHaveLength(1);
      expect(fake.bills().every(({ id }) => id === leaseId)).toBe(true);
    }));

  it("states what the platform charges, in thousandths of CNY", ({ expect }) =>
    withWorld(async ({ rent, platform }) => {
      expect((await rent()).pricePerHour).toEqual({ currency: "CNY", micros: 1_880_000 });
      expect(await platform.getBalance?.(wait)).toEqual({ currency: "CNY", micros: 100_000_000 });
    }));

  it("tells a price above the limit at once, for the engine to give the machine back", ({
    expect,
  }) =>
    withWorld(async ({ fake, rent }) => {
      fake.reprice(2);
      const lease = await rent({ priceLimit: { currency: "CNY", micros: 2_000_000 } });
      expect(lease.pricePerHour).toEqual({ currency: "CNY", micros: 3_760_000 });
    }));

  it("keeps its machine when its price cannot be read yet", ({ expect }) =>
    withWorld(async ({ fake, rent, platform }) => {
      fake.answerNext("/pro/snapshot", { status: 503, text: "<html>Bad gateway</html>" });
      const lease = await rent();
      expect(lease).toMatchObject({ state: "pending", isBillable: false });
      expect(lease).not.toHaveProperty("pricePerHour");
      const later = await platform.getLease(lease.leaseId, wait);
      expect(later?.pricePerHour?.micros).toBe(1_880_000);
    }));
});

describe("a machine of Container Instance Pro", () => {
  it("is asked about without a body, by query", ({ expect }) =>
    withWorld(async ({ fake, rent, untilState }) => {
      const { leaseId } = await rent();
      await untilState(leaseId, "up");
      const reads = fake.requests.filter(({ method }) => method === "GET");
      expect(reads.length).toBeGreaterThan(0);
      expect(reads.every(({ text }) => text === "")).toBe(true);
      expect(reads.every(({ query }) => query.get("instance_uuid") === leaseId)).toBe(true);
    }));

  it("works on its data disk, or on its system disk when that was made larger", ({ expect }) =>
    withWorld(async ({ rent, untilState }) => {
      const small = await untilState((await rent()).leaseId, "up");
      expect(small.nodes[0]?.root).toBe("/root/autodl-tmp/.gpujob");
      const large = await rent({ diskGib: 200, ...another });
      expect((await untilState(large.leaseId, "up")).nodes[0]?.root).toBe("/root/.gpujob");
    }));

  it("is switched off, waited for and released, one step for each call", ({ expect }) =>
    withWorld(async ({ fake, rent, untilState, platform }) => {
      const { leaseId } = await rent();
      await untilState(leaseId, "up");
      for (let call = 0; call < 20; call++) {
        const { state } = await platform.releaseLease(leaseId, wait);
        if (state === "released") break;
      }
      const steps = fake.requests
        .filter(({ path }) => path.endsWith("/power_off") || path.endsWith("/release"))
        .map(({ path }) => path.split("/").at(-1));
      expect(steps).toEqual(["power_off", "release"]);
      expect(await platform.getLease(leaseId, wait)).toBeUndefined();
    }));

  it("is switched off again when it ignored that while booting", ({ expect }) =>
    withWorld(async ({ rent, platform, asked, fake }) => {
      const { leaseId } = await rent();
      let calls = 0;
      while ((await platform.releaseLease(leaseId, wait)).state === "releasing") calls += 1;
      expect(calls).toBeGreaterThan(2);
      expect(asked("/power_off").length).toBeGreaterThan(1);
      expect(fake.billing()).toEqual([]);
    }));

  it("is reached by the port and password of its last power-on", ({ expect }) =>
    withWorld(async ({ fake, rent, untilState }) => {
      const { leaseId } = await rent();
      const first = (await untilState(leaseId, "up")).nodes[0]?.access;
      fake.powerOffInside(leaseId);
      const off = await untilState(leaseId, "stopped");
      expect(off.endedAt).toMatch(/Z$/);
      expect(off).toMatchObject({ isBillable: false, reason: expect.stringContaining("15 days") });
      fake.powerOn(leaseId);
      const second = (await untilState(leaseId, "up")).nodes[0]?.access;
      if (first?.kind !== "ssh" || second?.kind !== "ssh") throw new Error("No access was told.");
      expect([first.port, second.port]).toEqual([34_222, 34_223]);
      if (second.auth.kind !== "password") throw new Error("No password was told.");
      expect(second.auth.password.reveal()).toBe("password-of-boot-1");
    }));

  it("is not up before its address is told", ({ expect }) =>
    withWorld(async ({ fake, rent, untilState, platform }) => {
      const { leaseId } = await rent();
      await untilState(leaseId, "up");
      const empty = { ssh_port: 0, proxy_host: "", root_password: "", payg_price: 1880 };
      fake.answerNext("/pro/snapshot", { json: { code: "Success", msg: "", data: empty } });
      expect((await platform.getLease(leaseId, wait))?.state).toBe("pending");
    }));
});

const another = {
  ownership: {
    installation: "conforma",
    run: "other1",
    attempt: 1,
    member: 0,
    expires: 1_900_000_000,
  },
};

describe("the configuration", () => {
  it.for([
    [{ regions: ["westDC9"] }, "westDC9"],
    [{ regions: ["beijingDC1"] }, "beijingDC1"],
    [{ site: "gpuhub", product: "pro", regions: ["Singapore-A"] }, "Container Instance Pro"],
    [{ site: "gpuhub" }, "region names"],
    [{ prices: { "4090D": "1.5" } }, "CNY"],
  ] as const)("refuses %j", ([settings, word], { expect }) => {
    const fake = { url: "http://127.0.0.1:1" };
    expect(() => openAutodl(fake, settings)).toThrow(word);
  });
});
