import { createOnce, isSameMember, packOwnership, unpackOwnership } from "@gpujob/adapter-kit";
import type { Lease, LeaseRequest } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { toMoney } from "./api.ts";
import { toLease } from "./leases.ts";
import type { Machine, Order } from "./machine-api.ts";
import { createMachine, listMachines, readMachine, setStopTime } from "./machine-api.ts";
import { hasCapacity, listImages, readPrices } from "./market-api.ts";
import { chargeOf, freeDiskGib } from "./offers.ts";

/** Looks for the machine, then for a good price and a free card, and only then rents. */
export async function createCompshareLease(
  parts: Parts,
  request: LeaseRequest,
  wait: Wait,
): Promise<Lease> {
  const { platform } = parts.context;
  if (request.nodes > 1) throw refusal(platform, "unsupported_request", "one lease is one machine");
  const order = await toOrder(parts, request, wait);
  const machine = await createOnce<Machine>(
    {
      platform,
      name: order.name,
      find: async (options) => {
        const machines = await listMachines(parts, "createLease", options);
        const found = machines.find(({ Name }) => isOf(Name, request));
        if (found === undefined) await checkFirst(parts, request, order, options);
        return found;
      },
      create: async (options) => toNew(await createMachine(parts, order, options), order),
    },
    wait,
  );
  const { UHostId } = machine;
  if (order.charge === "Postpay") {
    // The engine moves the timer every few minutes from now on, so that a refusal here is mended then.
    const endsAtMs = Date.parse(request.endsAt);
    await setStopTime(parts, "createLease", UHostId, endsAtMs, wait).catch(() => undefined);
  }
  // The machine is there: whatever goes wrong now must not hide its id.
  const seen = await readMachine(parts, "createLease", UHostId, wait).catch(() => undefined);
  return toLease(seen ?? machine);
}

function isOf(name: string | null | undefined, request: LeaseRequest): boolean {
  const owner = unpackOwnership(name ?? "");
  return owner !== undefined && isSameMember(owner, request.ownership);
}

async function toOrder(parts: Parts, request: LeaseRequest, wait: Wait): Promise<Order> {
  const { offer, diskGib, leaseKey } = request;
  const { platform } = parts.context;
  const { zone, cpuCount, memoryGib, gpu } = offer;
  if (zone === undefined || cpuCount === undefined || memoryGib === undefined) {
    throw refusal(platform, "unsupported_request", `${offer.offerId} is none of its offers`);
  }
  const imageName = request.image ?? parts.config.image;
  return {
    region: offer.region,
    zone,
    type: offer.instanceType,
    cards: gpu?.count ?? 1,
    cpus: cpuCount,
    memoryGb: memoryGib,
    charge: chargeOf[offer.market],
    diskGb: Math.max(freeDiskGib, Math.ceil(diskGib)),
    image: await findImage(parts, "createLease", offer.region, imageName, wait),
    name: packOwnership(request.ownership),
    remark: leaseKey,
  };
}

/** The id of an image, by itself or by a part of its name; a container image before a virtual machine's. */
export async function findImage(
  parts: Parts,
  operation: string,
  region: string,
  text: string,
  wait: Wait,
): Promise<string> {
  if (/^compshareImage-/i.test(text)) return text;
  const images = await listImages(parts, operation, { region, name: text }, wait);
  const usable = images.filter(({ Status }) => Status === "Available");
  const image = usable.find(({ Container }) => Container === "True") ?? usable[0];
  if (image !== undefined) return image.CompShareImageId;
  const what = `there is no image with ${text} in its name in ${region}`;
  const hint = "Name an image of the console's list, or its id.";
  throw refusal(parts.context.platform, "unsupported_request", what, hint);
}

/** Nothing is rented that is dearer than asked or for which the scheduler has no place. */
async function checkFirst(
  parts: Parts,
  { offer, priceLimit }: LeaseRequest,
  order: Order,
  wait: Wait,
): Promise<void> {
  const { platform } = parts.context;
  if (priceLimit !== undefined) {
    const price = (await readPrices(parts, "createLease", order, wait)).get(order.charge);
    const hourly = price === undefined ? undefined : toMoney(price);
    if (hourly?.currency === priceLimit.currency && hourly.micros > priceLimit.micros) {
      const what = `${offer.offerId} costs ${price} CNY/h now, above the limit of ${priceLimit.micros / 1e6}`;
      throw refusal(platform, "price_changed", what, "Raise limits.price, or wait.");
    }
  }
  const isEnough = await hasCapacity(parts, "createLease", order, wait);
  if (isEnough === true) return;
  if (isEnough === false)
    throw refusal(platform, "no_capacity", `no card is free for ${offer.offerId}`);
  throw refusal(platform, "unsupported_request", `there is no machine like ${offer.offerId}`);
}

function refusal(
  platform: string,
  kind: "unsupported_request" | "price_changed" | "no_capacity",
  what: string,
  hint?: string,
): PlatformError {
  return new PlatformError(kind, `${platform}: ${what}.`, {
    platform,
    operation: "createLease",
    scope: "offer",
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The machine as it is known before any list shows it. */
function toNew(id: string, order: Order): Machine {
  return {
    UHostId: id,
    Name: order.name,
    Remark: order.remark,
    Zone: order.zone,
    State: "Initializing",
    ChargeType: order.charge,
    SshLoginCommand: undefined,
    CreateTime: undefined,
    ReleaseTime: undefined,
  };
}
