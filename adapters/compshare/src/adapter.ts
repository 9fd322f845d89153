import { classifyBy, looksLikeOurs, throwIfAborted, unpackOwnership } from "@gpujob/adapter-kit";
import type { AdapterContext, Offer, Platform, ReleaseProgress } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { createCompshareClient, toMoney } from "./api.ts";
import type { CompshareConfig } from "./config.ts";
import { createCompshareLease, findImage } from "./create-lease.ts";
import { compshareErrors } from "./errors.ts";
import { toLease } from "./leases.ts";
import type { Machine } from "./machine-api.ts";
import {
  listMachines,
  readBalance,
  readMachine,
  setStopTime,
  stopMachine,
  terminateMachine,
} from "./machine-api.ts";
import { hasCapacity } from "./market-api.ts";
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

    createLease: (request, wait) => createCompshareLease(parts, request, wait),

    async getLease(leaseId, wait) {
      const machine = await readMachine(parts, "getLease", leaseId, wait);
      return machine === undefined ? undefined : toLease(machine);
    },

    async listLeases({ installation }, wait) {
      const machines = await listMachines(parts, "listLeases", wait);
      return machines.filter((machine) => isListed(machine, installation)).map(toLease);
    },

    async releaseLease(leaseId, wait) {
      throwIfAborted(wait.signal, { platform, operation: "releaseLease" });
      const machine = await readMachine(parts, "releaseLease", leaseId, wait);
      if (machine === undefined) return { state: "released" };
      return takeStep(parts, machine, wait);
    },

    classify: classifyBy(compshareErrors),

    async extendLease(leaseId, until, wait) {
      const machine = await readMachine(parts, "extendLease", leaseId, wait);
      // The platform's timer does not work on spot machines; nothing is lost there that could be set.
      if (machine === undefined || machine.ChargeType === "Spot") return;
      await setStopTime(parts, "extendLease", leaseId, Date.parse(until), wait);
    },

    checkCapacity: (offer, wait) => checkCapacity(parts, offer, wait),

    getBalance: async (wait) => toMoney(await readBalance(parts, wait)),
  };
}

function isListed({ Name }: Machine, installation: string): boolean {
  const owner = unpackOwnership(Name ?? "");
  return owner === undefined ? looksLikeOurs(Name ?? "") : owner.installation === installation;
}

/** The next step towards a machine's end. Only a machine that no list shows any more is released. */
async function takeStep(parts: Parts, machine: Machine, wait: Wait): Promise<ReleaseProgress> {
  const { State, ChargeType } = machine;
  const isLast = ChargeType === "Spot" || State === "Stopped" || State === "Install Fail";
  try {
    if (isLast) await terminateMachine(parts, machine, wait);
    else if (State !== "Stopping") await stopMachine(parts, machine, wait);
  } catch (error) {
    // Another step is under way: the next look shows what came of it.
    if (!isInProgress(error)) throw error;
  }
  return { state: "releasing", againAfterMs: pollMs };
}

function isInProgress(error: unknown): boolean {
  return PlatformError.is(error) && error.kind === "unavailable" && error.failure.scope === "call";
}

async function checkCapacity(
  parts: Parts,
  offer: Offer,
  wait: Wait,
): Promise<Offer["availability"]> {
  const {
    region,
    zone = "",
    instanceType: type,
    cpuCount: cpus = 0,
    memoryGib: memoryGb = 0,
  } = offer;
  const order = {
    region,
    zone,
    type,
    cards: offer.gpu?.count ?? 1,
    cpus,
    memoryGb,
    charge: chargeOf[offer.market],
    image: await findImage(parts, "checkCapacity", region, parts.config.image, wait),
    diskGb: freeDiskGib,
  };
  return (await hasCapacity(parts, "checkCapacity", order, wait)) === true ? "high" : "none";
}
