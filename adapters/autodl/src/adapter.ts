import {
  classifyBy,
  createOnce,
  isListedName,
  isNamedFor,
  packOwnership,
  requireOneNode,
  throwIfAborted,
} from "@gpujob/adapter-kit";
import type { AdapterContext, Lease, LeaseRequest, Platform, ReleaseProgress } from "@gpujob/spec";
import { createAutodlClient, readBalance } from "./api.ts";
import type { AutodlConfig } from "./config.ts";
import { siteOf } from "./config.ts";
import { createElastic } from "./elastic.ts";
import { autodlErrors } from "./errors.ts";
import { createPriceGuard } from "./price-guard.ts";
import { createPro } from "./pro.ts";
import type { Parts, Product, Row, Wait } from "./product.ts";

/** The platform asks for no more than a look every few seconds. */
const pollMs = 3000;

export function createAutodlPlatform(config: AutodlConfig, context: AdapterContext): Platform {
  const site = siteOf(config);
  const parts = { client: createAutodlClient(config, site, context), config, site, context };
  return site.product === "pro"
    ? createPlatform(parts, createPro(parts))
    : createPlatform(parts, createElastic(parts));
}

function createPlatform<Machine extends Row>(parts: Parts, product: Product<Machine>): Platform {
  const { context } = parts;
  const { platform, clock } = context;
  const guard = createPriceGuard(context);

  async function releaseLease(leaseId: string, wait: Wait): Promise<ReleaseProgress> {
    throwIfAborted(wait.signal, { platform, operation: "releaseLease" });
    const machine = await product.find("releaseLease", leaseId, wait);
    const hasEnded = machine === undefined || product.known(machine).state === "ended";
    if (hasEnded) return { state: "released" };
    await product.end(machine, wait);
    return { state: "releasing", againAfterMs: pollMs };
  }

  /** A machine is there now: whatever goes wrong here must not hide its id. */
  async function readNew(machine: Machine, request: LeaseRequest, wait: Wait): Promise<Lease> {
    let lease = product.known(machine);
    const looks = request.priceLimit === undefined ? 1 : product.priceLooks;
    for (let left = looks; left > 0 && !wait.signal.aborted; left--) {
      lease = await product.read("createLease", machine, wait).catch(() => lease);
      if (lease.pricePerHour !== undefined) break;
      if (left > 1) await clock.sleep(pollMs, wait).catch(() => undefined);
    }
    return lease;
  }

  return {
    listOffers: (_query, wait) => product.listOffers(wait),

    async createLease(request, wait) {
      requireOneNode(request, platform);
      const name = packOwnership(request.ownership);
      const machine = await createOnce<Machine>(
        {
          platform,
          name,
          find: async (options) => {
            const machines = await product.list("createLease", options);
            const found = machines.find((one) => isNamedFor(one.name, request));
            if (found === undefined) await product.check(request, options);
            return found;
          },
          create: (options) => product.create(request, name, options),
        },
        wait,
      );
      const lease = await readNew(machine, request, wait);
      return guard.admit(lease, request.priceLimit, releaseLease, wait);
    },

    async getLease(leaseId, wait) {
      const machine = await product.find("getLease", leaseId, wait);
      if (machine === undefined) return undefined;
      return guard.judge(await product.read("getLease", machine, wait));
    },

    async listLeases({ installation }, wait) {
      const machines = await product.list("listLeases", wait);
      const ours = machines.filter(({ name }) => isListedName(name, installation));
      const leases = await Promise.all(ours.map((one) => product.read("listLeases", one, wait)));
      return leases.map((lease) => guard.judge(lease)).filter(({ state }) => state !== "ended");
    },

    releaseLease,
    classify: classifyBy(autodlErrors),
    getBalance: (wait) => readBalance(parts, wait),
  };
}
