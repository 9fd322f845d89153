import { createOnce, packOwnership, throwIfAborted } from "@gpujob/adapter-kit";
import type {
  Lease,
  LeaseRequest,
  LeaseState,
  Node,
  Platform,
  ReleaseProgress,
} from "@gpujob/spec";
import { PlatformError, Secret } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { readStock, toPrice } from "./api.ts";
import type { AutodlConfig } from "./config.ts";
import type { Container, Deployment, DeploymentOrder } from "./elastic-api.ts";
import {
  createDeployment,
  deleteDeployment,
  listContainers,
  listDeployments,
} from "./elastic-api.ts";
import { listElasticOffers } from "./elastic-offers.ts";
import { findImage } from "./images.ts";
import { isListed, isOf, ownerOf, refuseSeveralNodes } from "./ownership.ts";
import { createPriceGuard } from "./price-guard.ts";
import { accelerationCommand, secondsLeft } from "./start-command.ts";

const pollMs = 3000;
/** Far above any machine: 1000 of the currency per hour, in thousandths. */
const anyPrice = 1_000_000;

/** Elastic Deployment: one container for each lease, for enterprise accounts, private clusters and GPUhub. */
export function createElasticProduct(parts: Parts): Omit<Platform, "classify" | "getBalance"> {
  const { context } = parts;
  const { platform } = context;
  const guard = createPriceGuard(context);

  const releaseLease = async (leaseId: string, wait: Wait): Promise<ReleaseProgress> => {
    throwIfAborted(wait.signal, { platform, operation: "releaseLease" });
    const filter = { deployment_uuid: leaseId };
    const rows = await listDeployments(parts, "releaseLease", filter, wait);
    if (!rows.some(({ uuid }) => uuid === leaseId)) return { state: "released" };
    await deleteDeployment(parts, leaseId, wait).catch((error: unknown) => {
      // Somebody else is deleting it already; the next look shows it.
      const isConflict = PlatformError.is(error) && error.failure.platformCode === "BadRequest";
      if (!isConflict || error.kind === "not_verified") throw error;
    });
    return { state: "releasing", againAfterMs: pollMs };
  };

  async function read(operation: string, row: Deployment, wait: Wait): Promise<Lease> {
    const containers = await listContainers(parts, operation, row.uuid, wait);
    return guard.judge(toLease(row, newest(containers), parts));
  }

  return {
    listOffers: (query, wait) => listElasticOffers(parts, query, wait),

    async createLease(request, wait) {
      refuseSeveralNodes(request, platform);
      const name = packOwnership(request.ownership);
      const order = toOrder(request, parts, name);
      const row = await createOnce<Deployment>(
        {
          platform,
          name,
          find: async (options) => {
            const rows = await listDeployments(parts, "createLease", {}, options);
            const found = rows.find((one) => isOf(one.name, request));
            if (found === undefined) await refuseWithoutStock(parts, request, options);
            return found;
          },
          create: async (options) => {
            const uuid = await createDeployment(parts, order, options);
            return { uuid, name, status: "running" };
          },
        },
        wait,
      );
      // It exists now: whatever goes wrong here must not hide its id.
      const lease = await read("createLease", row, wait).catch(() =>
        toLease(row, undefined, parts),
      );
      return guard.admit(lease, request.priceLimit, releaseLease, wait);
    },

    async getLease(leaseId, wait) {
      const filter = { deployment_uuid: leaseId };
      const rows = await listDeployments(parts, "getLease", filter, wait);
      const row = rows.find(({ uuid }) => uuid === leaseId);
      return row === undefined ? undefined : read("getLease", row, wait);
    },

    async listLeases({ installation }, wait) {
      const rows = await listDeployments(parts, "listLeases", {}, wait);
      const ours = rows.filter(({ name }) => isListed(name, installation));
      const leases = await Promise.all(ours.map((row) => read("listLeases", row, wait)));
      return leases.filter(({ state }) => state !== "ended");
    },

    releaseLease,
  };
}

/** A deployment is made without stock too, and its container would wait for ever: so the stock is asked first. */
async function refuseWithoutStock(
  parts: Parts,
  { offer }: LeaseRequest,
  wait: Wait,
): Promise<void> {
  const stock = await readStock(parts, "createLease", offer.region, wait);
  const idle = stock.get(offer.instanceType);
  if (idle === undefined || idle >= (offer.gpu?.count ?? 1)) return;
  const { platform } = parts.context;
  throw new PlatformError(
    "no_capacity",
    `${platform}: ${idle} ${offer.instanceType} are idle in ${offer.region}, too few.`,
    { platform, operation: "createLease", scope: "offer" },
  );
}

function toOrder(request: LeaseRequest, parts: Parts, name: string): DeploymentOrder {
  const { config, site, context } = parts;
  const { offer, priceLimit } = request;
  const image = findImage(context.platform, request.image ?? config.image);
  const isSame = priceLimit?.currency === site.currency;
  return {
    name,
    card: offer.instanceType,
    cards: offer.gpu?.count ?? 1,
    region: offer.region,
    image: image.id,
    cuda: image.cuda,
    highestPrice:
      isSame && priceLimit !== undefined ? Math.floor(priceLimit.micros / 1000) : anyPrice,
    // Its end is the container's, and the end of the bill: no driver is needed for that.
    command: `${accelerationCommand(config)}sleep ${secondsLeft(request, context)}`,
  };
}

function newest(containers: readonly Container[]): Container | undefined {
  return containers.toSorted((one, other) =>
    (other.started_at ?? "9").localeCompare(one.started_at ?? "9"),
  )[0];
}

/** Events of a container — https://www.autodl.com/docs/esd_api_doc (2026-09) */
const states: Readonly<Record<string, LeaseState>> = {
  creating: "pending",
  created: "pending",
  starting: "pending",
  oss_merged: "pending",
  running: "up",
  shutting_down: "releasing",
  shutdown: "ended",
};

function stateOf(row: Deployment, container: Container | undefined): LeaseState {
  if (container !== undefined) return states[container.status] ?? "pending";
  return row.status === "stopped" ? "ended" : "pending";
}

function toLease(row: Deployment, container: Container | undefined, parts: Parts): Lease {
  const state = stateOf(row, container);
  const node = toNode(row.uuid, container, parts.config);
  const { access: _access, ...hidden } = node;
  const isUp = state === "up" && node.access !== undefined;
  const pricePerHour = toPrice(parts.site.currency, container?.price);
  const startedAt = container?.started_at;
  const endedAt = state === "ended" ? container?.stopped_at : undefined;
  return {
    leaseId: row.uuid,
    ...ownerOf(row.name),
    state: state === "up" && !isUp ? "pending" : state,
    // A container that waits for a card costs nothing.
    isBillable:
      state === "up" || state === "releasing" || (startedAt !== undefined && state !== "ended"),
    ...(pricePerHour === undefined ? {} : { pricePerHour }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    nodes: [isUp ? node : hidden],
  };
}

function toNode(id: string, container: Container | undefined, config: AutodlConfig): Node {
  const common = { nodeId: id, rank: 0, root: config.root ?? "/root/autodl-tmp/.gpujob" };
  const { ssh_command: target, root_password: password } = container?.info ?? {};
  if (target === undefined || !password) return common;
  const { host, port = 22, user = "root" } = target;
  const auth = { kind: "password", password: new Secret(password) } as const;
  return {
    ...common,
    access: {
      kind: "ssh",
      host,
      port,
      user,
      auth,
      hostKeyPolicy: "first-use",
      mayInstallKey: true,
    },
  };
}
