import { createHash } from "node:crypto";
import type { Subnet } from "@aws-sdk/client-ec2";
import { findOrMake, ownershipTagNames, refuse } from "@gpujob/adapter-kit";
import type { LeaseRequest } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Region } from "./api.ts";
import { duplicates } from "./errors.ts";

/** Does an error say that the thing is there already? */
function isTaken(error: unknown): boolean {
  return PlatformError.is(error) && duplicates.has(error.failure.platformCode ?? "");
}

/** The tag that says which installation made a key or a group. */
function madeBy(installation: string): { readonly Key: string; readonly Value: string } {
  return { Key: ownershipTagNames.installation, Value: installation };
}

/** The subnet of the zone with the most free addresses, in the default or the named network. Nothing is built here. */
export async function findSubnet(
  parts: Parts,
  at: Region,
  zone: string,
): Promise<{ readonly subnetId: string; readonly vpcId: string }> {
  const vpcId = await findVpc(parts, at);
  const Filters = [
    { Name: "vpc-id", Values: [vpcId] },
    { Name: "availability-zone", Values: [zone] },
    { Name: "state", Values: ["available"] },
  ];
  const { Subnets = [] } = await at.send((sdk) => new sdk.DescribeSubnetsCommand({ Filters }));
  const [best] = Subnets.toSorted((one, other) => free(other) - free(one));
  if (best?.SubnetId !== undefined) return { subnetId: best.SubnetId, vpcId };
  throw missing(parts, `the network ${vpcId} has no subnet in ${zone}`, "zone");
}

function free({ AvailableIpAddressCount }: Subnet): number {
  return AvailableIpAddressCount ?? 0;
}

async function findVpc(parts: Parts, at: Region): Promise<string> {
  const { network } = parts.config;
  if (network?.startsWith("vpc-") === true) return network;
  const filter =
    network === undefined
      ? { Name: "is-default", Values: ["true"] }
      : { Name: "tag:Name", Values: [network] };
  const { Vpcs = [] } = await at.send((sdk) => new sdk.DescribeVpcsCommand({ Filters: [filter] }));
  const id = Vpcs[0]?.VpcId;
  if (id !== undefined) return id;
  const what = network === undefined ? "default network" : `network named ${network}`;
  throw missing(parts, `${at.region} has no ${what}`, "region");
}

function missing({ context }: Parts, what: string, scope: "region" | "zone"): PlatformError {
  const place = { platform: context.platform, operation: "createLease" };
  const hint =
    "Make one (aws ec2 create-default-vpc), or name another under `network`. Networks are never built in silence.";
  return refuse(place, { kind: "unsupported_request", scope, what, hint });
}

/** The security group of a network: found by its name, else made with SSH open to `sshFrom` and all open within it. */
export async function findOrMakeGroup(
  parts: Parts,
  at: Region,
  { vpcId, installation }: { readonly vpcId: string; readonly installation: string },
): Promise<string> {
  const GroupName = parts.config.securityGroup;
  if (GroupName.startsWith("sg-")) return GroupName;
  const Filters = [
    { Name: "vpc-id", Values: [vpcId] },
    { Name: "group-name", Values: [GroupName] },
  ];
  const find = async (): Promise<string | undefined> => {
    const { SecurityGroups = [] } = await at.send(
      (sdk) => new sdk.DescribeSecurityGroupsCommand({ Filters }),
    );
    return SecurityGroups[0]?.GroupId;
  };
  const make = async (): Promise<string> => {
    const Tags = [madeBy(installation)];
    const Description = "Machines rented by gpujob";
    const TagSpecifications = [{ ResourceType: "security-group" as const, Tags }];
    const input = { GroupName, Description, VpcId: vpcId, TagSpecifications };
    const { GroupId } = await at.send((sdk) => new sdk.CreateSecurityGroupCommand(input));
    return GroupId ?? "";
  };
  const GroupId = await findOrMake({ find, make, isTaken });
  // Also of one that was found: its maker may have been stopped between the two steps.
  await openGroup(parts, at, GroupId);
  return GroupId;
}

async function openGroup({ config }: Parts, at: Region, GroupId: string): Promise<void> {
  const ssh = { IpProtocol: "tcp", FromPort: 22, ToPort: 22 };
  const rules = [
    ...config.sshFrom.map((CidrIp) => ({ ...ssh, IpRanges: [{ CidrIp }] })),
    // The nodes of a gang talk to each other.
    { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId }] },
  ];
  // One by one: of several in one call a known one refuses all.
  for (const rule of rules) {
    const input = { GroupId, IpPermissions: [rule] };
    await unlessTaken(at.send((sdk) => new sdk.AuthorizeSecurityGroupIngressCommand(input)));
  }
}

/**
 * Lets the fabric's traffic out to the group itself: the usual rule, which lets out everything to any address, does not cover
 * what passes the kernel by. A group that the user named by id is theirs to open.
 */
export async function openFabric({ config }: Parts, at: Region, GroupId: string): Promise<void> {
  if (config.securityGroup.startsWith("sg-")) return;
  const IpPermissions = [{ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId }] }];
  await unlessTaken(
    at.send((sdk) => new sdk.AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions })),
  );
}

async function unlessTaken(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}

/** Our public key under a name that is made of it, so that a name is never another key. */
export async function importKey(
  at: Region,
  { sshPublicKey, ownership }: LeaseRequest,
): Promise<string> {
  const [kind = "", text = ""] = sshPublicKey.split(" ");
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const KeyName = `gpujob-${ownership.installation}-${digest}`;
  const PublicKeyMaterial = new TextEncoder().encode(`${kind} ${text}`);
  const Tags = [madeBy(ownership.installation)];
  const TagSpecifications = [{ ResourceType: "key-pair" as const, Tags }];
  const input = { KeyName, PublicKeyMaterial, TagSpecifications };
  await unlessTaken(at.send((sdk) => new sdk.ImportKeyPairCommand(input)));
  return KeyName;
}
