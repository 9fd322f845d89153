import { createTestRequest } from "@gpujob/adapter-kit/testing";
import type { Lease, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import type { FakeCompshare, FakeCompshareOptions } from "./fake-compshare.ts";
import { startFakeCompshare } from "./fake-compshare.ts";
import { openCompshare } from "./open-compshare.ts";

/** The adapter on its fake, with what most tests do to it. */
export interface World {
  readonly fake: FakeCompshare;
  readonly platform: Platform;
  readonly wait: { readonly signal: AbortSignal };
  readonly offer: (market?: Offer["market"]) => Promise<Offer>;
  readonly request: (over?: Partial<LeaseRequest>) => Promise<LeaseRequest>;
  readonly rent: (over?: Partial<LeaseRequest>) => Promise<Lease>;
  readonly untilState: (id: string, state: string) => Promise<Lease>;
  readonly release: (id: string) => Promise<void>;
  /** The forms of an action that were sent so far. */
  readonly asked: (action: string) => Readonly<Record<string, string>>[];
}

export async function withWorld(
  work: (world: World) => Promise<void>,
  settings: object = {},
  options: FakeCompshareOptions = {},
): Promise<void> {
  const fake = await startFakeCompshare(options);
  const { platform } = openCompshare(fake, settings);
  const wait = { signal: new AbortController().signal };

  async function offer(market: Offer["market"] = "on-demand"): Promise<Offer> {
    const offers = await platform.listOffers({ models: ["RTX4090"] }, wait);
    const found = offers.find((one) => one.gpu?.vramGib === 24 && one.market === market);
    if (found === undefined) throw new Error(`There is no 4090 on ${market}.`);
    return found;
  }

  async function request(over: Partial<LeaseRequest> = {}): Promise<LeaseRequest> {
    const base = createTestRequest(over.offer ?? (await offer()), Date.now());
    // Timers count in real time here.
    return { ...base, endsAt: new Date(Date.now() + 3_600_000).toISOString(), ...over };
  }

  async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    for (let left = 20; left > 0; left--) {
      const found = await look();
      if (found !== undefined) return found;
    }
    throw new Error(`It never came to this: ${what}.`);
  }

  try {
    await work({
      fake,
      platform,
      wait,
      offer,
      request,
      rent: async (over) => platform.createLease(await request(over), wait),
      untilState: (id, state) =>
        until(`${id} is ${state}`, async () => {
          const lease = await platform.getLease(id, wait);
          return lease?.state === state ? lease : undefined;
        }),
      async release(id) {
        await until(`${id} is released`, async () => {
          const { state } = await platform.releaseLease(id, wait);
          return state === "released" || undefined;
        });
      },
      asked: (action) =>
        fake.requests
          .map(({ text }) => Object.fromEntries(new URLSearchParams(text)))
          .filter((form) => form["Action"] === action),
    });
  } finally {
    await fake.close();
  }
}
