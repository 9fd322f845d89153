import { deepEqual, equal, fail, notEqual, ok } from "node:assert/strict";
import type { Offer, OfferQuery } from "@gpujob/spec";
import type { ConformanceCheck } from "./check.ts";
import { checkIsoTime, checkMoney, checkPlain } from "./values.ts";

const group = "offers";

const vendors = new Set(
  "nvidia amd ascend hygon biren cambricon kunlun moore-threads metax iluvatar enflame intel".split(
    " ",
  ),
);
const interconnects = new Set(["pcie", "nvlink", "nvswitch", "hccs", "unknown"]);

function ids(offers: readonly Offer[]): string[] {
  return offers.map((offer) => offer.offerId).toSorted();
}

/** A query that this very offer answers. */
function queryFor(offer: Offer): OfferQuery {
  const gpu = offer.gpu;
  return {
    markets: [offer.market],
    regions: [offer.region],
    ...(gpu === undefined ? {} : { vendors: [gpu.vendor], models: [gpu.model] }),
  };
}

function isWhole(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}

export const offerChecks: readonly ConformanceCheck[] = [
  {
    group,
    name: "lists something that can be rented",
    async run(context) {
      notEqual((await context.listOffers()).length, 0);
      await context.pickOffer();
    },
  },
  {
    group,
    name: "gives every offer an id of its own",
    async run({ platform, wait }) {
      const all = ids(await platform.listOffers({}, wait));
      equal(new Set(all).size, all.length, "two offers carry the same offerId");
      ok(!all.includes(""), "an offerId is empty");
    },
  },
  {
    group,
    name: "keeps offer ids from call to call",
    async run(context) {
      deepEqual(ids(await context.listOffers()), ids(await context.listOffers()));
    },
  },
  {
    group,
    name: "puts the same platform name on every offer, and a region and a type",
    async run(context) {
      const offers = await context.listOffers();
      equal(new Set(offers.map((offer) => offer.platform)).size, 1);
      for (const offer of offers) {
        for (const text of [offer.platform, offer.region, offer.instanceType]) {
          ok(typeof text === "string" && text !== "", `${offer.offerId} lacks a name`);
        }
      }
    },
  },
  {
    group,
    name: "prices every offer in whole micros of a named currency",
    async run(context) {
      for (const { offerId, price } of await context.listOffers()) {
        checkMoney(price.perHour, `${offerId} price.perHour`);
        for (const part of ["diskPerGibHour", "publicIpPerHour", "egressPerGib"] as const) {
          const money = price[part];
          if (money === undefined) continue;
          checkMoney(money, `${offerId} price.${part}`);
          equal(money.currency, price.perHour.currency, `${offerId} mixes currencies`);
        }
        const { discount = 1 } = price;
        ok(discount > 0 && discount <= 1, `${offerId} has the discount ${discount}`);
        ok(["live", "sheet", "after-create"].includes(price.source), `${offerId} price.source`);
      }
    },
  },
  {
    group,
    name: "says how time becomes money",
    async run(context) {
      for (const { offerId, price } of await context.listOffers()) {
        const { unitSeconds, minimumSeconds } = price.billing;
        ok(isWhole(unitSeconds, 1), `${offerId} has the billing unit ${unitSeconds}`);
        ok(isWhole(minimumSeconds, 0), `${offerId} has the billing minimum ${minimumSeconds}`);
      }
    },
  },
  {
    group,
    name: "describes accelerators in our units",
    async run(context) {
      for (const { offerId, gpu } of await context.listOffers()) {
        if (gpu === undefined) continue;
        ok(vendors.has(gpu.vendor), `${offerId} has the vendor ${gpu.vendor}`);
        notEqual(gpu.model, "", `${offerId} has no model`);
        ok(gpu.vramGib > 0 && gpu.vramGib < 2048, `${offerId} has ${gpu.vramGib} GiB of memory`);
        ok(isWhole(gpu.count, 1), `${offerId} has ${gpu.count} cards`);
        ok(interconnects.has(gpu.interconnect), `${offerId} has ${gpu.interconnect}`);
      }
    },
  },
  {
    group,
    name: "says of every offer whether it can be had",
    async run(context) {
      const words = new Set<unknown>(["high", "low", "none", "unknown"]);
      for (const { offerId, availability } of await context.listOffers()) {
        const isGood =
          typeof availability === "number" ? isWhole(availability, 0) : words.has(availability);
        ok(isGood, `${offerId} has the availability ${JSON.stringify(availability)}`);
      }
    },
  },
  {
    group,
    name: "lists a sold-out offer as sold out, not as absent",
    needs: [
      ({ setup }) =>
        setup.soldOutOfferId === undefined ? "the test's set-up has no soldOutOfferId" : undefined,
    ],
    async run({ platform, setup, wait }) {
      const offers = await platform.listOffers({}, wait);
      const offer = offers.find((one) => one.offerId === setup.soldOutOfferId);
      if (offer === undefined) fail(`${setup.soldOutOfferId} is not listed at all`);
      ok(offer.availability === "none" || offer.availability === 0, "it is not marked sold out");
    },
  },
  {
    group,
    name: "offers only the markets that it declares",
    async run(context) {
      for (const { offerId, market } of await context.listOffers()) {
        ok(context.capabilities.markets.includes(market), `${offerId} is on the market ${market}`);
      }
    },
  },
  {
    group,
    name: "says when price and stock were read",
    async run(context) {
      for (const offer of await context.listOffers()) checkIsoTime(offer.observedAt, "observedAt");
    },
  },
  {
    group,
    name: "never drops an offer that matches the query",
    async run({ platform, setup, wait }) {
      const all = await platform.listOffers(setup.offerQuery ?? {}, wait);
      // A sample: some platforms list thousands, and each query costs a call.
      const step = Math.max(1, Math.floor(all.length / 5));
      for (const offer of all.filter((_, index) => index % step === 0)) {
        const query = queryFor(offer);
        const found = await platform.listOffers(query, wait);
        ok(
          found.some((one) => one.offerId === offer.offerId),
          `${offer.offerId} is missing from the answer to ${JSON.stringify(query)}`,
        );
      }
    },
  },
  {
    group,
    name: "answers a query for a model that nobody sells with no failure",
    async run({ platform, wait }) {
      ok(Array.isArray(await platform.listOffers({ models: ["NO-SUCH-MODEL"] }, wait)));
    },
  },
  {
    group,
    name: "offers several nodes only where it can join them",
    async run(context) {
      for (const { offerId, maxNodes = 1 } of await context.listOffers()) {
        ok(isWhole(maxNodes, 1), `${offerId} has maxNodes ${maxNodes}`);
        const isJoined = context.capabilities.multiNode !== "none";
        ok(isJoined || maxNodes === 1, `${offerId} has maxNodes ${maxNodes}, multiNode is none`);
      }
    },
  },
  {
    group,
    name: "answers with plain data",
    async run(context) {
      for (const offer of await context.listOffers()) checkPlain(offer, offer.offerId);
    },
  },
];
