import type { Instance } from "@aws-sdk/client-ec2";
import { fromOwnershipTags, omitUndefined, ownershipTagNames } from "@gpujob/adapter-kit";
import type { Lease, LeaseState, Node, NodeAccess } from "@gpujob/spec";
import type { Parts, Region } from "./api.ts";
import { allPages } from "./api.ts";
import { endReasons } from "./errors.ts";

/** Where a machine is: an id alone does not say its region. */
export interface Place {
  readonly region: string;
  readonly id: string;
}

const leaseShape = /^([a-z]{2}(?:-[a-z]+)+-\d+)\/(i-[0-9a-f]+)$/;

function toLeaseId({ region, id }: Place): string {
  return `${region}/${id}`;
}

/** An id that is none of ours is asked about in the first region: only EC2 says that there is no such machine. */
export function toPlace(leaseId: string, { config }: Parts): Place {
  const [, region = config.regions[0] ?? "us-east-1", id = leaseId] =
    leaseShape.exec(leaseId) ?? [];
  return { region, id };
}

/** One machine; `undefined`: EC2 knows none of that id, or does not show it yet. */
export async function readInstance(at: Region, id: string): Promise<Instance | undefined> {
  const input = { InstanceIds: [id] };
  const answer = await at.find((sdk) => new sdk.DescribeInstancesCommand(input));
  return answer?.Reservations?.flatMap(({ Instances }) => Instances ?? [])[0];
}

/** Machines of a region by a filter that are not terminated, in every page. */
export function findInstances(
  at: Region,
  filter: { readonly Name: string; readonly Values: string[] },
): Promise<readonly Instance[]> {
  const alive = ["pending", "running", "shutting-down", "stopping", "stopped"];
  const Filters = [filter, { Name: "instance-state-name", Values: alive }];
  return allPages(
    (token) =>
      at.send((sdk) => new sdk.DescribeInstancesCommand({ Filters, MaxResults: 1000, ...token })),
    (page) => page.Reservations?.flatMap(({ Instances }) => Instances ?? []),
  );
}

/** Machines with any tag of ours, also where somebody has damaged the rest. */
export function findOurs(at: Region): Promise<readonly Instance[]> {
  return findInstances(at, { Name: "tag-key", Values: Object.values(ownershipTagNames) });
}

export function tagsOf({
  Tags,
}: Pick<Instance, "Tags">): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries((Tags ?? []).map(({ Key = "", Value }) => [Key, Value]));
}

const states: Readonly<Record<string, LeaseState>> = {
  pending: "pending",
  running: "up",
  "shutting-down": "releasing",
  terminated: "ended",
  // Never of a machine as we launch it; somebody has stopped it by hand, and its disk bills on.
  stopping: "releasing",
  stopped: "stopped",
};

const gone = new Set<LeaseState>(["releasing", "ended"]);

/** A machine as a lease. It bills from `running` to `shutting-down`; the launch, some seconds earlier, is the time known. */
export function toLease(parts: Parts, region: string, instance: Instance): Lease {
  const marks = fromOwnershipTags(tagsOf(instance));
  const told = states[instance.State?.Name ?? ""] ?? "pending";
  const node = toNode(parts, instance);
  const { access: _access, ...hidden } = node;
  // Without an address it cannot be used yet, whatever its state says.
  const state = told === "up" && node.access === undefined ? "pending" : told;
  const isOver = gone.has(told) && instance.State?.Name !== "stopping";
  return {
    ...marks,
    ...omitUndefined({
      leaseId: toLeaseId({ region, id: node.nodeId }),
      state,
      isBillable: told !== "pending" && !isOver,
      startedAt: instance.LaunchTime?.toISOString(),
      endedAt: isOver ? readEnd(instance) : undefined,
      reason: reasonOf(instance),
      nodes: [state === "up" ? node : hidden],
    }),
  };
}

/** `User initiated (2026-11-24 14:05:06 GMT)`: the only place that tells when it was. */
function readEnd({ StateTransitionReason = "" }: Instance): string | undefined {
  const [, day, time] =
    /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (?:GMT|UTC)\)/.exec(StateTransitionReason) ?? [];
  return day === undefined ? undefined : `${day}T${time}Z`;
}

function reasonOf({ StateReason }: Instance): string | undefined {
  const { Code, Message } = StateReason ?? {};
  if (Code === undefined || Code === "pending") return undefined;
  return endReasons[Code] ?? Message ?? Code;
}

function toNode({ config }: Parts, instance: Instance): Node {
  const { InstanceId: nodeId = "", PublicIpAddress: host } = instance;
  const access: NodeAccess | undefined =
    host === undefined
      ? undefined
      : {
          kind: "ssh",
          host,
          port: 22,
          user: config.user,
          auth: { kind: "our-key" },
          hostKeyPolicy: "first-use",
          // Addresses come back with other machines behind them.
          machine: nodeId,
        };
  return omitUndefined({ nodeId, rank: 0, internalAddress: instance.PrivateIpAddress, access });
}
