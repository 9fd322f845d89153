import type { Offer, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { FakePlatform, FakePlatformOptions } from "../testing/index.ts";
import { setUpFake } from "./fake-setup.ts";
import { runConformance } from "./index.ts";

/** One way to break a promise of the contract. */
interface Mutant {
  readonly name: string;
  /** Part of the name of a check that must notice. */
  readonly caughtBy: string;
  readonly options?: Partial<FakePlatformOptions>;
  readonly breakIt: (platform: Platform, fake: FakePlatform) => Partial<Platform>;
}

let serial = 0;
const freshKey = () => `k${String(serial++).padStart(31, "0")}`;
const elsewhere = { installation: "stranger", run: "r", attempt: 1, member: 0, expires: 1 };

function changeOffers(change: (offer: Offer) => Offer) {
  return (platform: Platform): Partial<Platform> => ({
    listOffers: async (query, wait) => (await platform.listOffers(query, wait)).map(change),
  });
}

function changePrice(perHour: unknown) {
  return changeOffers((offer) => {
    const price = { ...offer.price };
    Reflect.set(price, "perHour", perHour);
    return { ...offer, price };
  });
}

/** A copy that lacks some fields. */
function without<T extends object>(value: T, ...names: readonly (keyof T)[]): T {
  const copy = { ...value };
  for (const name of names) Reflect.deleteProperty(copy, name);
  return copy;
}

async function quietly<T>(call: Promise<T>, otherwise: T): Promise<T> {
  return call.catch(() => otherwise);
}

const never = new AbortController().signal;

const mutants: readonly Mutant[] = [
  {
    name: "makes a second machine for the same key",
    caughtBy: "makes one machine when the same lease key comes twice",
    breakIt: (platform) => ({
      createLease: (request, wait) =>
        platform.createLease({ ...request, leaseKey: freshKey() }, wait),
    }),
  },
  {
    name: "tries a create again when its answer is lost",
    caughtBy: "says outcome_unknown when the answer to a create is lost",
    breakIt: (platform) => ({
      createLease: (request, wait) =>
        platform.createLease(request, wait).catch((error: unknown) => {
          if (PlatformError.is(error) && error.kind === "outcome_unknown") {
            return platform.createLease({ ...request, leaseKey: freshKey() }, wait);
          }
          throw error;
        }),
    }),
  },
  {
    name: "calls a lost answer a refusal",
    caughtBy: "says outcome_unknown when the answer to a create is lost",
    breakIt: (platform) => ({
      createLease: (request, wait) =>
        platform.createLease(request, wait).catch((error: unknown) => {
          throw PlatformError.is(error) && error.kind === "outcome_unknown"
            ? new PlatformError("unavailable", "fake: try again")
            : error;
        }),
    }),
  },
  {
    name: "calls a machine released before it is gone",
    caughtBy: "says `released` only once it is gone",
    breakIt: (platform) => ({
      releaseLease: async (leaseId, wait) => {
        await platform.releaseLease(leaseId, wait);
        return { state: "released" };
      },
    }),
  },
  {
    name: "throws when an unknown lease is released",
    caughtBy: "says `released` of an id that the platform does not know",
    breakIt: (platform) => ({
      releaseLease: async (leaseId, wait) => {
        if ((await platform.getLease(leaseId, wait)) === undefined) {
          throw new PlatformError("unsupported_request", "fake: no such lease");
        }
        return platform.releaseLease(leaseId, wait);
      },
    }),
  },
  {
    name: "throws when a lease is released again",
    caughtBy: "stays released, however often it is asked",
    breakIt: (platform) => ({
      releaseLease: async (leaseId, wait) => {
        if ((await platform.getLease(leaseId, wait))?.state === "ended") {
          throw new PlatformError("unsupported_request", "fake: it has ended");
        }
        return platform.releaseLease(leaseId, wait);
      },
    }),
  },
  {
    name: "asks for release only once per machine",
    caughtBy: "tries again when a release was accepted and ignored",
    breakIt: (platform) => {
      const asked = new Set<string>();
      return {
        releaseLease: async (leaseId, wait) => {
          if (!asked.has(leaseId)) {
            asked.add(leaseId);
            return platform.releaseLease(leaseId, wait);
          }
          const lease = await platform.getLease(leaseId, wait);
          const isGone = lease === undefined || lease.state === "ended";
          return { state: isGone ? "released" : "releasing" };
        },
      };
    },
  },
  {
    name: "releases every machine instead of one",
    caughtBy: "leaves other machines alone",
    breakIt: (platform, fake) => ({
      releaseLease: async (leaseId, wait) => {
        const others = fake.machines().filter((lease) => lease.state !== "ended");
        for (const lease of others) await platform.releaseLease(lease.leaseId, wait);
        return platform.releaseLease(leaseId, wait);
      },
    }),
  },
  {
    name: "lists only the first page",
    caughtBy: "lists every lease, none twice",
    breakIt: (platform) => ({
      listLeases: async (filter, wait) => (await platform.listLeases(filter, wait)).slice(0, 2),
    }),
  },
  {
    name: "lists a lease of two pages twice",
    caughtBy: "lists every lease, none twice",
    breakIt: (platform) => ({
      listLeases: async (filter, wait) => {
        const leases = await platform.listLeases(filter, wait);
        return [...leases, ...leases.slice(-1)];
      },
    }),
  },
  {
    name: "lists other people's machines",
    caughtBy: "lists no lease of another installation",
    breakIt: (_, fake) => ({
      listLeases: async () => fake.machines().filter((lease) => lease.state !== "ended"),
    }),
  },
  {
    name: "hides machines whose tag cannot be read",
    caughtBy: "lists a machine whose tag cannot be read",
    breakIt: (platform) => ({
      listLeases: async (filter, wait) =>
        (await platform.listLeases(filter, wait)).filter((lease) => lease.ownership !== undefined),
    }),
  },
  {
    name: "calls a failed list empty",
    caughtBy: "throws unavailable from listLeases",
    breakIt: (platform) => ({
      listLeases: (filter, wait) => quietly(platform.listLeases(filter, wait), []),
    }),
  },
  {
    name: "calls a lease absent when the platform cannot say",
    caughtBy: "throws unavailable from getLease",
    breakIt: (platform) => ({
      getLease: (leaseId, wait) => quietly(platform.getLease(leaseId, wait), undefined),
    }),
  },
  {
    name: "throws for a lease that is not there",
    caughtBy: "says `undefined` of an id",
    breakIt: (platform) => ({
      getLease: async (leaseId, wait) => {
        const lease = await platform.getLease(leaseId, wait);
        if (lease === undefined) throw new PlatformError("unsupported_request", "fake: none");
        return lease;
      },
    }),
  },
  {
    name: "forgets to put ownership on the machine",
    caughtBy: "puts ownership on the machine from the moment of create",
    breakIt: (platform) => ({
      createLease: async (request, wait) =>
        without(await platform.createLease(request, wait), "ownership", "leaseKey"),
    }),
  },
  {
    name: "reads somebody else's owner from the tags",
    caughtBy: "tells the same owner at create, by id and in the list",
    breakIt: (platform) => ({
      getLease: async (leaseId, wait) => {
        const lease = await platform.getLease(leaseId, wait);
        return lease === undefined ? undefined : { ...lease, ownership: elsewhere };
      },
    }),
  },
  {
    name: "calls a machine up without saying how to reach it",
    caughtBy: "tells how to reach every node",
    breakIt: (platform) => ({
      getLease: async (leaseId, wait) => {
        const lease = await platform.getLease(leaseId, wait);
        const nodes = lease?.nodes.map((node) => without(node, "access")) ?? [];
        return lease === undefined ? undefined : { ...lease, nodes };
      },
    }),
  },
  {
    name: "says that a running machine costs nothing",
    caughtBy: "says truly what bills",
    breakIt: (platform) => ({
      getLease: async (leaseId, wait) => {
        const lease = await platform.getLease(leaseId, wait);
        return lease === undefined ? undefined : { ...lease, isBillable: false };
      },
    }),
  },
  {
    name: "drops offers that match",
    caughtBy: "never drops an offer that matches the query",
    breakIt: (platform) => ({
      listOffers: async (query, wait) => {
        const offers = await platform.listOffers(query, wait);
        return query.models === undefined ? offers : offers.slice(1);
      },
    }),
  },
  {
    name: "leaves sold-out offers out",
    caughtBy: "lists a sold-out offer as sold out",
    breakIt: (platform) => ({
      listOffers: async (query, wait) =>
        (await platform.listOffers(query, wait)).filter((offer) => offer.availability !== "none"),
    }),
  },
  {
    name: "prices in whole units instead of micros",
    caughtBy: "prices every offer in whole micros",
    breakIt: changePrice({ currency: "CNY", micros: 1.32 }),
  },
  {
    name: "prices as text",
    caughtBy: "prices every offer in whole micros",
    breakIt: changePrice({ currency: "CNY", micros: "1320000" }),
  },
  {
    name: "leaves the currency to be guessed",
    caughtBy: "prices every offer in whole micros",
    breakIt: changePrice({ currency: "¥", micros: 1_320_000 }),
  },
  {
    name: "makes new offer ids at each call",
    caughtBy: "keeps offer ids from call to call",
    breakIt: changeOffers((offer) => ({ ...offer, offerId: `${offer.offerId}-${freshKey()}` })),
  },
  {
    name: "gives two offers the same id",
    caughtBy: "gives every offer an id of its own",
    breakIt: changeOffers((offer) => ({ ...offer, offerId: "same" })),
  },
  {
    name: "offers a market that it does not declare",
    caughtBy: "offers only the markets that it declares",
    options: { capabilities: { markets: ["on-demand"] } },
    breakIt: () => ({}),
  },
  {
    name: "reads prices at a local time",
    caughtBy: "says when price and stock were read",
    breakIt: changeOffers((offer) => ({ ...offer, observedAt: "2026-11-01 08:00:00" })),
  },
  {
    name: "throws errors of its own",
    caughtBy: "throws unavailable from listOffers",
    breakIt: (platform) => ({
      listOffers: (query, wait) =>
        platform.listOffers(query, wait).catch(() => {
          throw new Error("request failed");
        }),
    }),
  },
  {
    name: "classifies everything as a crash",
    caughtBy: "classifies whatever is thrown at it, without throwing",
    breakIt: () => ({
      classify: (error) => {
        if (PlatformError.is(error)) return { kind: error.kind, scope: error.failure.scope };
        throw new TypeError("unknown error");
      },
    }),
  },
  {
    name: "forgets how long to wait",
    caughtBy: "classifies its own errors as they say themselves",
    breakIt: (platform) => ({
      classify: (error) => {
        const { kind, scope } = platform.classify(error);
        return { kind, scope };
      },
    }),
  },
  {
    name: "ignores an abort while it waits",
    caughtBy: "throws aborted from getLease when the signal fires while it waits",
    breakIt: (platform) => ({
      getLease: (leaseId, { signal }) => {
        const late = AbortSignal.any([signal]);
        return late.aborted
          ? platform.getLease(leaseId, { signal })
          : platform.getLease(leaseId, { signal: never });
      },
    }),
  },
  {
    name: "rents although the signal has fired",
    caughtBy: "rents nothing when the signal has fired before",
    breakIt: (platform) => ({
      createLease: (request) => platform.createLease(request, { signal: never }),
    }),
  },
  {
    name: "releases although the signal has fired",
    caughtBy: "releases nothing when the signal has fired before",
    breakIt: (platform) => ({
      releaseLease: (leaseId) => platform.releaseLease(leaseId, { signal: never }),
    }),
  },
  {
    name: "rents at any price and says nothing",
    caughtBy: "refuses a price above the limit",
    breakIt: (platform) => ({
      createLease: async (request, wait) =>
        without(await platform.createLease(without(request, "priceLimit"), wait), "pricePerHour"),
      getLease: async (leaseId, wait) => {
        const lease = await platform.getLease(leaseId, wait);
        return lease === undefined ? undefined : without(lease, "pricePerHour");
      },
    }),
  },
  {
    name: "declares a balance that it cannot tell",
    caughtBy: "has each optional method exactly when its capability says so",
    breakIt: () => {
      const broken: Partial<Platform> = {};
      Reflect.set(broken, "getBalance", undefined);
      return broken;
    },
  },
  {
    name: "sees no announced interruption",
    caughtBy: "passes the announcement of an interruption on",
    breakIt: () => ({ watchInterruption: async () => undefined }),
  },
  {
    name: "lets a shell read the arguments",
    caughtBy: "passes arguments byte for byte",
    breakIt: (platform) => ({
      openChannel: async (node, wait) => {
        const channel = await platform.openChannel?.(node, wait);
        if (channel === undefined) throw new Error("no channel");
        return {
          exec: (argv, options) => channel.exec(["sh", "-c", argv.join(" ")], options),
          close: () => channel.close(),
        };
      },
    }),
  },
];

describe("the conformance suite", () => {
  it.for([...mutants])("catches an adapter that $name", async (mutant, { expect }) => {
    const { fake, setup } = setUpFake(mutant.options, (platform, behind) => ({
      ...platform,
      ...mutant.breakIt(platform, behind),
    }));
    const results = await runConformance(fake.definition, {
      ...setup,
      releaseTimeoutMs: 30_000,
      abortTimeoutMs: 100,
    });
    const failed = results.filter((result) => result.state === "failed");
    expect(failed.map((result) => result.check.name).join("\n")).toContain(mutant.caughtBy);
  });

  it("has at least forty checks, each with a name of its own", async ({ expect }) => {
    const { fake, setup } = setUpFake();
    const results = await runConformance(fake.definition, setup);
    const names = results.map((result) => `${result.check.group}: ${result.check.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(results.filter((result) => result.state === "passed").length).toBeGreaterThan(40);
    expect(results.filter((result) => result.state === "failed")).toEqual([]);
    for (const { state, reason } of results) {
      if (state === "skipped") expect(reason).toMatch(/\w/);
    }
  });
});
