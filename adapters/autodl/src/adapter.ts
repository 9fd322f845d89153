import {
  classifyBy,
  createOnce,
  isListedName,
  isNamedFor,
  packOwnership,
  requireOneNode,
  throwIfAborted,
} from "@gpujob/adapter-kit";
import type { AdapterContext, Platform } from "@gpujob/spec";
import { createAutodlClient, readBalance } from "./api.ts";
import type { AutodlConfig } from "./config.ts";
import { siteOf } from "./config.ts";
import { createElastic } from "./elastic.ts";
import { autodlErrors } from "./errors.ts";
import { createPro } from "./pro.ts";
import type { Parts, Product, Row } from "./product.ts";

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
  const { platform } = context;

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
      // It is there now: whatever goes wrong here must not hide its id. Its price is above a limit, or told only later: the
      // engine sees that, gives the machine back and charges what it cost.
      return product.read("createLease", machine, wait).catch(() => product.known(machine));
    },

    async getLease(leaseId, wait) {
      const machine = await product.find("getLease", leaseId, wait);
      return machine === undefined ? undefined : product.read("getLease", machine, wait);
    },

    async listLeases({ installation }, wait) {
      const machines = await product.list("listLeases", wait);
      const ours = machines.filter(({ name }) => isListedName(name, installation));
      const leases = await Promise.all(ours.map((one) => product.read("listLeases", one, wait)));
      return leases.filter(({ state }) => state !== "ended");
    },

    async releaseLease(leaseId, wait) {
      throwIfAborted(wait.signal, { platform, operation: "releaseLease" });
      const machine = await product.find("releaseLease", leaseId, wait);
      const isGoing = machine !== undefined && (await product.end(machine, wait));
      return isGoing ? { state: "releasing", againAfterMs: pollMs } : { state: "released" };
    },

    classify: classifyBy(autodlErrors),
    getBalance: (wait) => readBalance(parts, wait),
  };
}
