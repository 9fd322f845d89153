import {
  classifyBy,
  createOnce,
  isListedName,
  isNamedFor,
  packOwnership,
  refuse,
  requireOneNode,
  throwIfAborted,
} from "@gpujob/adapter-kit";
import type { AdapterContext, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { createCompshareClient, toMoney } from "./api.ts";
import type { CompshareConfig } from "./config.ts";
import { compshareErrors } from "./errors.ts";
import type { Machine } from "./machines.ts";
import {
  createMachine,
  endMachine,
  listMachines,
  readBalance,
  readMachine,
  setStopTime,
  toLease,
} from "./machines.ts";
import type { Order } from "./market.ts";
import { findImage, hasCapacity, readPrices } from "./market.ts";
import { chargeOf, freeDiskGib, listCompshareOffers } from "./offers.ts";

const pollMs = 3000;

export function createCompsharePlatform(
  config: CompshareConfig,
  context: AdapterContext,
): Platform {
  const { platform } = context;
  const parts = { client: createCompshareClient(config, context), config, context };

  return {
    listOffers: (query, wait) => listCompshareOffers(parts, query, wait),

    async createLease(request, wait) {
      requireOneNode(request, platform);
      const { offer, leaseKey, diskGib, image = config.image } = request;
      const order = await toOrder(parts, "createLease", { offer, diskGib, image }, wait);
      const name = packOwnership(request.ownership);
      const machine = await createOnce<Machine>(
        {
          platform,
          name,
          find: async (options) => {
            const machines = await listMachines(parts, "createLease", options);
            const found = machines.find(({ Name }) => isNamedFor(Name, request));
            if (found === undefined) await checkFirst(parts, request, order, options);
            return found;
          },
          create: (options) => createMachine(parts, { ...order, name, remark: leaseKey }, options),
        },
        wait,
      );
      // The machine is there: whatever goes wrong now must not hide its id, and is mended while the run is driven.
      const id = machine.UHostId;
      if (order.charge === "Postpay") {
        const timer = { id, until: request.endsAt };
        await setStopTime(parts, "createLease", timer, wait).catch(() => undefined);
      }
      const seen = await readMachine(parts, "createLease", id, wait).catch(() => undefined);
      return toLease(seen ?? machine);
    },

    async getLease(leaseId, wait) {
      const machine = await readMachine(parts, "getLease", leaseId, wait);
      return machine === undefined ? undefined : toLease(machine);
    },

    async listLeases({ installation }, wait) {
      const machines = await listMachines(parts, "listLeases", wait);
      return machines.filter(({ Name }) => isListedName(Name, installation)).map(toLease);
    },

    // Only a machine that no list shows any more is released.
    async releaseLease(leaseId, wait) {
      throwIfAborted(wait.signal, { platform, operation: "releaseLease" });
      const machine = await readMachine(parts, "releaseLease", leaseId, wait);
      if (machine === undefined) return { state: "released" };
      const { State, ChargeType } = machine;
      const isLast = ChargeType === "Spot" || State === "Stopped" || State === "Install Fail";
      try {
        if (isLast) await endMachine(parts, "terminate", machine, wait);
        else if (State !== "Stopping") await endMachine(parts, "stop", machine, wait);
      } catch (error) {
        // Another step is under way: the next look shows what came of it.
        if (!isInProgress(error)) throw error;
      }
      return { state: "releasing", againAfterMs: pollMs };
    },

    classify: classifyBy(compshareErrors),

    async extendLease(id, until, wait) {
      const machine = await readMachine(parts, "extendLease", id, wait);
      // The platform's timer does not work on spot machines; nothing is lost there that could be set.
      if (machine === undefined || machine.ChargeType === "Spot") return;
      await setStopTime(parts, "extendLease", { id, until }, wait);
    },

    async checkCapacity(offer, wait) {
      const wish = { offer, diskGib: 0, image: config.image };
      const order = await toOrder(parts, "checkCapacity", wish, wait);
      const isEnough = await hasCapacity(parts, "checkCapacity", order, wait);
      return isEnough === true ? "high" : "none";
    },

    getBalance: (wait) => readBalance(parts, wait),
  };
}

function isInProgress(error: unknown): boolean {
  return PlatformError.is(error) && error.kind === "unavailable" && error.failure.scope === "call";
}

async function toOrder(
  parts: Parts,
  operation: string,
  wish: { readonly offer: Offer; readonly diskGib: number; readonly image: string },
  wait: Wait,
): Promise<Order> {
  const { region, zone, cpuCount, memoryGib, gpu, instanceType, market, offerId } = wish.offer;
  if (zone === undefined || cpuCount === undefined || memoryGib === undefined) {
    const place = { platform: parts.context.platform, operation };
    const what = `${offerId} is none of its offers`;
    throw refuse(place, { kind: "unsupported_request", scope: "offer", what });
  }
  return {
    region,
    zone,
    type: instanceType,
    cards: gpu?.count ?? 1,
    cpus: cpuCount,
    memoryGb: memoryGib,
    charge: chargeOf[market],
    diskGb: Math.max(freeDiskGib, Math.ceil(wish.diskGib)),
    image: await findImage(parts, operation, { region, text: wish.image }, wait),
  };
}

/** Nothing is rented that is dearer than asked or for which the scheduler has no place. */
async function checkFirst(
  parts: Parts,
  { offer: { offerId }, priceLimit }: LeaseRequest,
  order: Order,
  wait: Wait,
): Promise<void> {
  const place = { platform: parts.context.platform, operation: "createLease" };
  if (priceLimit?.currency === "CNY") {
    const price = (await readPrices(parts, "createLease", order, wait)).get(order.charge);
    if (price !== undefined && toMoney(price).micros > priceLimit.micros) {
      const what = `${offerId} costs ${price} CNY/h now, above the limit of ${priceLimit.micros / 1e6}`;
      const hint = "Raise limits.price, or wait.";
      throw refuse(place, { kind: "price_changed", scope: "offer", what, hint });
    }
  }
  const isEnough = await hasCapacity(parts, "createLease", order, wait);
  if (isEnough === true) return;
  throw isEnough === false
    ? refuse(place, {
        kind: "no_capacity",
        scope: "offer",
        what: `no card is free for ${offerId}`,
      })
    : refuse(place, {
        kind: "unsupported_request",
        scope: "offer",
        what: `there is no machine like ${offerId}`,
      });
}
