import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import type { Lease } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import { isSameMember } from "../ownership.ts";
import type { ConformanceCheck, Need } from "./check.ts";
import { whereCapability, whereHelper, whereLeases, whereReleasable } from "./check.ts";
import { failureOf } from "./context.ts";
import { checkMoney } from "./values.ts";

const group = "create";

const whereTagged = whereCapability("tagging", "tags", "name");
const whereRepeatable = whereCapability("idempotency", "token", "name");

const whereCharged: Need = ({ capabilities }) =>
  capabilities.release === "owned" ? "the machines are the user's own" : undefined;

function isAlive(lease: Lease): boolean {
  return lease.state !== "ended" && lease.state !== "failed";
}

export const createChecks: readonly ConformanceCheck[] = [
  {
    group,
    name: "answers with a lease that is on its way",
    async run(context) {
      const { lease } = await context.rent();
      notEqual(lease.leaseId, "");
      ok(lease.state === "pending" || lease.state === "up", `the state is ${lease.state}`);
    },
  },
  {
    group,
    name: "answers with as many nodes as were asked for, ranked from 0",
    async run(context) {
      const { lease } = await context.rent();
      const up = await context.untilUp(lease.leaseId);
      deepEqual(
        up.nodes.map((node) => node.rank),
        [0],
      );
      ok(
        up.nodes.every((node) => node.nodeId !== ""),
        "a nodeId is empty",
      );
    },
  },
  {
    group,
    name: "makes one machine when the same lease key comes twice",
    needs: [whereRepeatable],
    async run(context) {
      const { request, lease } = await context.rent();
      // Only a token is known before the machine can be seen.
      if (context.capabilities.idempotency === "name") await context.untilSeen(lease.leaseId);
      const again = await context.platform.createLease(request, context.wait);
      equal(again.leaseId, lease.leaseId, "the second create made a second machine");
      if (context.capabilities.tagging === "none") return;
      await context.untilSeen(lease.leaseId);
      const own = (await context.listLeases()).filter(
        (one) => one.ownership?.run === request.ownership.run && isAlive(one),
      );
      equal(own.length, 1, `${own.length} machines carry the tag of one member`);
    },
  },
  {
    group,
    name: "makes two machines for two lease keys",
    needs: [whereLeases(2)],
    async run(context) {
      const first = await context.rent();
      const second = await context.rent();
      notEqual(first.lease.leaseId, second.lease.leaseId);
    },
  },
  {
    group,
    name: "says outcome_unknown when the answer to a create is lost",
    needs: [whereHelper("loseNextCreateReply")],
    async run(context) {
      const request = await context.newRequest();
      context.remember(request);
      await context.setup.loseNextCreateReply?.();
      const failure = await failureOf(context.platform.createLease(request, context.wait));
      equal(failure.kind, "outcome_unknown");
    },
  },
  {
    group,
    name: "finds the first machine when a create with a lost answer is repeated",
    needs: [whereHelper("loseNextCreateReply"), whereRepeatable, whereTagged],
    async run(context) {
      const request = await context.newRequest();
      context.remember(request);
      await context.setup.loseNextCreateReply?.();
      await failureOf(context.platform.createLease(request, context.wait));
      const { visibilityWindowMs } = context.capabilities;
      const seen = await context.waitUntil("it is listed", visibilityWindowMs, async () =>
        (await context.listLeases()).find(
          (lease) => lease.ownership?.run === request.ownership.run,
        ),
      );
      const again = await context.platform.createLease(request, context.wait);
      equal(again.leaseId, seen.leaseId, "the repeated create made a second machine");
    },
  },
  {
    group,
    name: "puts ownership on the machine from the moment of create",
    needs: [whereTagged],
    async run(context) {
      const { request, lease } = await context.rent();
      const { ownership } = lease;
      ok(ownership !== undefined, "the lease carries no ownership");
      ok(isSameMember(ownership, request.ownership), "the ownership names another member");
      equal(ownership.expires, request.ownership.expires);
      if (lease.leaseKey !== undefined) equal(lease.leaseKey, request.leaseKey);
    },
  },
  {
    group,
    name: "states the price that the offer named",
    needs: [whereCharged],
    async run(context) {
      const { request, lease } = await context.rent();
      const stated = lease.pricePerHour ?? (await context.untilUp(lease.leaseId)).pricePerHour;
      if (stated === undefined) return;
      checkMoney(stated, "pricePerHour");
      const { price } = request.offer;
      equal(stated.currency, price.perHour.currency);
      if (price.source === "live") equal(stated.micros, price.perHour.micros);
    },
  },
  {
    group,
    name: "refuses a price above the limit and rents nothing, or says what the machine costs",
    needs: [whereReleasable, whereHelper("repriceNextCreate"), whereCharged],
    async run(context) {
      const offer = await context.pickOffer();
      const request = await context.newRequest({ offer, priceLimit: offer.price.perHour });
      context.remember(request);
      await context.setup.repriceNextCreate?.(3);
      const answer = await context.platform.createLease(request, context.wait).then(
        (lease) => ({ lease }),
        (error: unknown) => ({ failure: toFailure(error) }),
      );
      if ("lease" in answer) {
        const { leaseId, pricePerHour } = answer.lease;
        const stated = pricePerHour ?? (await context.untilUp(leaseId)).pricePerHour;
        ok(
          stated !== undefined,
          "it rents above the limit and does not say what the machine costs",
        );
        equal(stated.currency, offer.price.perHour.currency);
        ok(stated.micros > offer.price.perHour.micros, "it states a price that is not charged");
        return;
      }
      equal(answer.failure.kind, "price_changed");
      const bills = async (): Promise<true | undefined> => {
        const leases = await context.listLeases();
        const own = leases.filter((lease) => lease.ownership?.run === request.ownership.run);
        return own.some((lease) => lease.isBillable) ? undefined : true;
      };
      const { visibilityWindowMs } = context.capabilities;
      await context.waitUntil("nothing of it bills", visibilityWindowMs + 10_000, bills);
    },
  },
  {
    group,
    name: "refuses to rent and says the way round, where it declares that it cannot",
    needs: [whereCapability("rents", false)],
    async run(context) {
      const [offer] = await context.listOffers();
      ok(offer !== undefined, "nothing is listed");
      const request = await context.newRequest({ offer });
      const failure = await failureOf(context.platform.createLease(request, context.wait));
      equal(failure.kind, "unsupported_request");
      ok(failure.hint !== undefined && failure.hint !== "", "it does not say the way round");
    },
  },
  {
    group,
    name: "refuses an offer that the platform does not know",
    async run(context) {
      const offer = await context.pickOffer();
      const unknown = { ...offer, offerId: "no-such-offer", instanceType: "no-such-type" };
      const request = await context.newRequest({ offer: unknown });
      context.remember(request);
      const { kind } = await failureOf(context.platform.createLease(request, context.wait));
      const allowed = ["no_capacity", "unsupported_request", "price_changed"];
      ok(allowed.includes(kind), `it says ${kind}, not one of ${allowed.join(", ")}`);
    },
  },
  {
    group,
    name: "refuses an offer that is sold out as no_capacity",
    needs: [
      ({ setup }) =>
        setup.soldOutOfferId === undefined ? "the test's set-up has no soldOutOfferId" : undefined,
    ],
    async run(context) {
      const { platform, setup, wait } = context;
      const offers = await platform.listOffers({}, wait);
      const offer = offers.find((one) => one.offerId === setup.soldOutOfferId);
      ok(offer !== undefined, `${setup.soldOutOfferId} is not listed at all`);
      const request = await context.newRequest({ offer });
      context.remember(request);
      equal((await failureOf(platform.createLease(request, wait))).kind, "no_capacity");
    },
  },
  {
    group,
    name: "refuses several nodes where one lease holds one",
    needs: [whereCapability("multiNode", "none", "gang")],
    async run(context) {
      const request = await context.newRequest({ nodes: 2 });
      context.remember(request);
      const failure = await failureOf(context.platform.createLease(request, context.wait));
      equal(failure.kind, "unsupported_request");
    },
  },
  {
    group,
    name: "holds several nodes in one lease",
    needs: [whereCapability("multiNode", "native")],
    async run(context) {
      const offers = await context.listOffers();
      const offer = offers.find(
        ({ maxNodes = 1, availability }) => maxNodes > 1 && availability !== "none",
      );
      ok(offer !== undefined, "multiNode is native, but no offer has maxNodes above 1");
      const { lease } = await context.rent({ offer, nodes: 2 });
      const up = await context.untilUp(lease.leaseId);
      deepEqual(
        up.nodes.map((node) => node.rank).toSorted((one, other) => one - other),
        [0, 1],
      );
      equal(new Set(up.nodes.map((node) => node.nodeId)).size, 2);
    },
  },
];
