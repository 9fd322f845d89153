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
import { toPrice } from "./api.ts";
import type { AutodlConfig } from "./config.ts";
import { findImage } from "./images.ts";
import { isListed, isOf, ownerOf, refuseSeveralNodes } from "./ownership.ts";
import { anyRegion } from "./places.ts";
import { createPriceGuard } from "./price-guard.ts";
import type { Instance, Snapshot } from "./pro-api.ts";
import { createInstance, endStep, listInstances, readSnapshot, readStatus } from "./pro-api.ts";
import { listProOffers, systemDiskGib } from "./pro-offers.ts";
import { startCommand } from "./start-command.ts";

/** The price is in the snapshot as soon as there is one. */
const priceTries = 3;
/** The platform asks for no more than a look every few seconds. */
const pollMs = 3000;

/** Container Instance Pro: open to every verified account, with machines that boot when they are created. */
export function createProProduct(parts: Parts): Omit<Platform, "classify" | "getBalance"> {
  const { context } = parts;
  const { platform, clock } = context;
  const guard = createPriceGuard(context);

  const releaseLease = async (leaseId: string, wait: Wait): Promise<ReleaseProgress> => {
    throwIfAborted(wait.signal, { platform, operation: "releaseLease" });
    const status = await readStatus(parts, "releaseLease", leaseId, wait);
    if (status === undefined || stateOf(status) === "ended") return { state: "released" };
    await takeNextStep(parts, status, leaseId, wait);
    return { state: "releasing", againAfterMs: pollMs };
  };

  return {
    listOffers: (query, wait) => listProOffers(parts, query, wait),

    async createLease(request, wait) {
      refuseSeveralNodes(request, platform);
      const name = packOwnership(request.ownership);
      const order = toOrder(request, parts, name);
      const instance = await createOnce<Instance>(
        {
          platform,
          name,
          find: async (options) => {
            const rows = await listInstances(parts, "createLease", options);
            return rows.find((row) => isOf(row.name, request) && stateOf(row.status) !== "ended");
          },
          create: async (options) => {
            const uuid = await createInstance(parts, order, options);
            return { ...untold, uuid, name, status: "creating" };
          },
        },
        wait,
      );
      const snapshot = await readFirstSnapshot(instance.uuid, request, wait);
      const lease = toLease(instance, snapshot, parts);
      return guard.admit(lease, request.priceLimit, releaseLease, wait);
    },

    async getLease(leaseId, wait) {
      const status = await readStatus(parts, "getLease", leaseId, wait);
      if (status === undefined) return undefined;
      const rows = await listInstances(parts, "getLease", wait);
      const row = rows.find(({ uuid }) => uuid === leaseId);
      const instance = { ...(row ?? untold), uuid: leaseId, status };
      const hasEnded = stateOf(status) === "ended";
      const snapshot = hasEnded ? undefined : await readSnapshot(parts, "getLease", leaseId, wait);
      return guard.judge(toLease(instance, snapshot, parts));
    },

    async listLeases({ installation }, wait) {
      const rows = await listInstances(parts, "listLeases", wait);
      return rows
        .filter(({ name }) => isListed(name, installation))
        .map((row) => toLease(row, undefined, parts))
        .filter(({ state }) => state !== "ended");
    },

    releaseLease,
  };

  /** A machine is there now: whatever goes wrong here must not hide its id. */
  async function readFirstSnapshot(
    id: string,
    request: LeaseRequest,
    wait: Wait,
  ): Promise<Snapshot | undefined> {
    const tries = request.priceLimit === undefined ? 1 : priceTries;
    for (let left = tries; left > 0 && !wait.signal.aborted; left--) {
      const snapshot = await readSnapshot(parts, "createLease", id, wait).catch(() => undefined);
      if ((snapshot?.payg_price ?? 0) > 0) return snapshot;
      if (left > 1) await clock.sleep(pollMs, wait).catch(() => undefined);
    }
    return undefined;
  }
}

/** What only the list tells, before it shows a machine. */
const untold = { name: undefined, started_at: undefined, stopped_at: undefined };

function toOrder(request: LeaseRequest, { config, context }: Parts, name: string) {
  const { offer, diskGib } = request;
  const image = findImage(context.platform, request.image ?? config.image);
  return {
    name,
    spec: offer.instanceType,
    cards: offer.gpu?.count ?? 1,
    image: image.id,
    cuda: image.cuda,
    extraDiskGb: Math.max(0, Math.ceil(diskGib) - systemDiskGib),
    startCommand: startCommand(request, config, context),
    ...(offer.region === anyRegion ? {} : { region: offer.region }),
  };
}

async function takeNextStep(parts: Parts, status: string, id: string, wait: Wait): Promise<void> {
  if (stateOf(status) === "releasing") return;
  if (status === "shutdown") {
    await takeStep(parts, "release", id, wait);
    return;
  }
  // A power-off is lost without a word while the machine boots: every later call sends it again.
  const isAccepted = await takeStep(parts, "power_off", id, wait);
  // Nobody has told how an instance is released that failed and cannot be powered off.
  if (!isAccepted && status === "failed") await takeStep(parts, "release", id, wait);
}

/** `false` where the step does not fit the machine's state, as when somebody else has just taken it; a look shows it. */
async function takeStep(
  parts: Parts,
  step: "power_off" | "release",
  id: string,
  wait: Wait,
): Promise<boolean> {
  try {
    await endStep(parts, step, id, wait);
    return true;
  } catch (error) {
    const isConflict = PlatformError.is(error) && error.failure.platformCode === "BadRequest";
    if (!isConflict || error.kind === "not_verified") throw error;
    return false;
  }
}

/** Seen from 2026-07 to 09; the documentation lists none. */
const states: Readonly<Record<string, LeaseState>> = {
  creating: "pending",
  starting: "pending",
  running: "up",
  shutting_down: "releasing",
  shutdown: "stopped",
  releasing: "releasing",
  released: "ended",
  failed: "failed",
};

/** Billing runs from power-on to power-off. */
const free = new Set(["creating", "shutdown", "releasing", "released"]);

/** A status that the platform adds later counts as pending: billing, not usable. */
function stateOf(status: string): LeaseState {
  return states[status] ?? "pending";
}

function toLease(instance: Instance, snapshot: Snapshot | undefined, parts: Parts): Lease {
  const { uuid, name, status, started_at: startedAt, stopped_at: stoppedAt } = instance;
  const node = toNode(uuid, snapshot, parts.config);
  // Without an address the machine is not up yet, whatever its status says.
  const isReachable = snapshot === undefined || node.access !== undefined;
  const state = stateOf(status) === "up" && !isReachable ? "pending" : stateOf(status);
  const pricePerHour = toPrice(parts.site.currency, snapshot?.payg_price);
  const { access: _access, ...hidden } = node;
  const endedAt = free.has(status) && startedAt !== undefined ? stoppedAt : undefined;
  return {
    leaseId: uuid,
    ...ownerOf(name),
    state,
    isBillable: !free.has(status),
    ...(pricePerHour === undefined ? {} : { pricePerHour }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(status === "shutdown" ? { reason: poweredOff } : {}),
    nodes: [state === "up" ? node : hidden],
  };
}

const poweredOff =
  "it is powered off: cards are free then, a larger disk is not, and after 15 days the platform deletes it";

function toNode(id: string, snapshot: Snapshot | undefined, config: AutodlConfig): Node {
  const { proxy_host: host, ssh_port: port, root_password: password } = snapshot ?? {};
  const isLarger = (snapshot?.expand_system_disk_size ?? 0) > 0;
  const root = config.root ?? (isLarger ? "/root/.gpujob" : "/root/autodl-tmp/.gpujob");
  const common = { nodeId: id, rank: 0, root };
  if (!host || !port || !password) return common;
  return {
    ...common,
    access: {
      kind: "ssh",
      host,
      port,
      user: "root",
      auth: { kind: "password", password: new Secret(password) },
      hostKeyPolicy: "first-use",
      mayInstallKey: true,
    },
  };
}
