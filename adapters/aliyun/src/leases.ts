import { fromOwnershipTags, omitUndefined, ownershipTagNames, refuse } from "@gpujob/adapter-kit";
import type { Lease, LeaseState, Node, NodeAccess } from "@gpujob/spec";
import type { Parts, Region, Wait } from "./api.ts";
import { allPages } from "./api.ts";
import { rsaKeyPath } from "./ssh-key.ts";

/** Where a machine is: an id alone does not say its region. */
interface Place {
  readonly region: string;
  readonly id: string;
}

const leaseShape = /^([a-z]{2}(?:-[a-z0-9]+)+)\/(i-[0-9a-z]+)$/;

export function toLeaseId({ region, id }: Place): string {
  return `${region}/${id}`;
}

/** An id that is none of ours is asked about in the first region: only the platform says that there is no such machine. */
export function toPlace(leaseId: string, { config }: Parts): Place {
  const [, region = config.regions[0] ?? "cn-hangzhou", id = leaseId] =
    leaseShape.exec(leaseId) ?? [];
  return { region, id };
}

type Body = Awaited<ReturnType<typeof describe>>;
/** A machine as DescribeInstances shows it. */
type Instance = NonNullable<NonNullable<Body["instances"]>["instance"]>[number];

function describe(at: Region, input: object) {
  const whole = { regionId: at.region, maxResults: 100, ...input };
  return at.send((client, sdk) =>
    client.describeInstances(new sdk.DescribeInstancesRequest(whole)),
  );
}

/** One machine; `undefined`: there is none of that id, or it is not shown yet. */
export async function readInstance(at: Region, id: string): Promise<Instance | undefined> {
  const { instances } = await describe(at, { instanceIds: JSON.stringify([id]) });
  return instances?.instance?.[0];
}

/** Filters by tag are answered up to so many machines, and nothing says that there are more. */
const mostTagged = 1000;

/** Machines of a region with a tag, in every page. */
export async function findTagged(
  { context }: Parts,
  at: Region,
  tag: { readonly key: string; readonly value?: string },
): Promise<readonly Instance[]> {
  const found = await allPages(
    (token) => describe(at, { tag: [tag], ...token }),
    ({ instances }) => instances?.instance,
  );
  if (found.length < mostTagged) return found;
  throw refuse(
    { platform: context.platform, operation: "listLeases" },
    {
      kind: "contract_violation",
      scope: "region",
      what: `${at.region} shows only the first ${mostTagged} machines of ours`,
    },
  );
}

export function tagsOf({
  tags,
}: Pick<Instance, "tags">): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    (tags?.tag ?? []).map(({ tagKey = "", tagValue }) => [tagKey, tagValue]),
  );
}

/** The time of the launch, in epoch milliseconds: the platform tells it to the minute only. */
export const launchTag = "gpujob-launched";

const states: Readonly<Record<string, LeaseState>> = {
  Pending: "pending",
  Starting: "pending",
  Running: "up",
  Stopping: "releasing",
  // Somebody has stopped it by hand: the disk bills on, and where `StopCharging` is not chosen all of it.
  Stopped: "stopped",
};

/** A machine as a lease. It bills from the launch on, until it is gone altogether. */
export function toLease(parts: Parts, region: string, instance: Instance): Lease {
  const tags = tagsOf(instance);
  const told = states[instance.status ?? ""] ?? "pending";
  const node = toNode(parts, instance);
  const { access: _access, ...hidden } = node;
  // Without an address it cannot be used yet, whatever its state says.
  const state = told === "up" && node.access === undefined ? "pending" : told;
  return {
    ...fromOwnershipTags(tags),
    ...omitUndefined({
      leaseId: toLeaseId({ region, id: node.nodeId }),
      state,
      isBillable: true,
      startedAt: toTime(tags[launchTag]) ?? instance.creationTime,
      reason: reasonOf(instance),
      nodes: [state === "up" ? node : hidden],
    }),
  };
}

function toTime(tag: string | undefined): string | undefined {
  const ms = Number(tag);
  return tag !== undefined && /^\d{13}$/.test(tag) ? new Date(ms).toISOString() : undefined;
}

/** Why the platform holds a machine — OperationLocks of DescribeInstances (2026-11) */
const locks: Readonly<Record<string, string>> = {
  financial: "the account is overdue",
  dedicatedhostfinancial: "the account is overdue",
  security: "it is locked for security",
  Recycling: "the spot machine is being taken back",
  refunded: "it was refunded",
};

/** The platform's reasons for holding a machine. */
function lockOf({ operationLocks }: Instance): string | undefined {
  return operationLocks?.lockReason?.find(({ lockReason = "" }) => lockReason !== "")?.lockReason;
}

function reasonOf(instance: Instance): string | undefined {
  const lock = lockOf(instance);
  return lock === undefined ? undefined : (locks[lock] ?? lock);
}

function toNode({ context }: Parts, instance: Instance): Node {
  const { instanceId: nodeId = "" } = instance;
  const host = instance.publicIpAddress?.ipAddress?.[0] ?? instance.eipAddress?.ipAddress;
  const internalAddress = instance.vpcAttributes?.privateIpAddress?.ipAddress?.[0];
  const access: NodeAccess | undefined =
    host === undefined || host === ""
      ? undefined
      : {
          kind: "ssh",
          host,
          port: 22,
          user: "root",
          auth: { kind: "key-file", path: rsaKeyPath(context.stateFolder) },
          hostKeyPolicy: "first-use",
          // Addresses come back with other machines behind them.
          machine: nodeId,
        };
  return omitUndefined({ nodeId, rank: 0, internalAddress, access });
}

/**
 * One machine as a lease; `undefined`: there is none of that id. Ids are told before the stock is really taken: a machine
 * that vanished for want of it leaves an event.
 */
export async function readLease(
  parts: Parts,
  operation: string,
  leaseId: string,
  wait: Wait,
): Promise<Lease | undefined> {
  const place = toPlace(leaseId, parts);
  const at = parts.ecs.at(place.region, operation, wait);
  const instance = await readInstance(at, place.id);
  if (instance !== undefined) return toLease(parts, place.region, instance);
  if (!leaseShape.test(leaseId)) return undefined;
  const failed = await wasNeverMade(at, place.id);
  if (!failed) return undefined;
  return {
    leaseId,
    state: "failed",
    failedFor: "no_capacity",
    isBillable: false,
    reason: "there was no stock after all",
    nodes: [],
  };
}

const neverMade = "SystemFailure.Delete";

async function wasNeverMade(at: Region, instanceId: string): Promise<boolean> {
  const input = { regionId: at.region, instanceId, eventType: neverMade };
  const { instanceSystemEventSet } = await at.send((client, sdk) =>
    client.describeInstanceHistoryEvents(new sdk.DescribeInstanceHistoryEventsRequest(input)),
  );
  const events = instanceSystemEventSet?.instanceSystemEventType ?? [];
  return events.some((event) => event.instanceId === instanceId);
}

/** Every machine of an installation in one region, and those whose tags cannot be read. */
export async function listRegion(
  parts: Parts,
  at: Region,
  installation: string,
): Promise<readonly Lease[]> {
  const instances = await findTagged(parts, at, { key: ownershipTagNames.installation });
  return instances
    .map((instance) => toLease(parts, at.region, instance))
    .filter(({ ownership }) => ownership === undefined || ownership.installation === installation);
}
