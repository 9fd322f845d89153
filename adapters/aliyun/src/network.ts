import { ownershipTagNames, readPages, refuse } from "@gpujob/adapter-kit";
import type { PlatformError } from "@gpujob/spec";
import { z } from "zod";
import type { Parts, Region } from "./api.ts";
import { findFreeBlock } from "./cidr.ts";

/** Where a machine is put. */
interface Place {
  readonly vSwitchId: string;
  readonly securityGroupId: string;
}

/** Network, vSwitch of the zone and security group: found, else made. All of them are free of charge. */
export function findPlace(
  parts: Parts,
  at: Region,
  { zone, installation }: { readonly zone: string; readonly installation: string },
): Promise<Place> {
  return parts.queue(at.region, async () => {
    const vpc = (await findVpc(parts, at)) ?? (await makeVpc(parts, at, installation));
    const vSwitchId = await findOrMakeVSwitch(parts, at, { vpc, zone, installation });
    const securityGroupId = await findOrMakeGroup(parts, at, { vpc, installation });
    return { vSwitchId, securityGroupId };
  });
}

/** The tag that says which installation made a thing. */
export function madeBy(installation: string): { readonly key: string; readonly value: string } {
  return { key: ownershipTagNames.installation, value: installation };
}

/** The VPC service has other names for the same. */
function tagOf(installation: string): readonly { readonly Key: string; readonly Value: string }[] {
  const { key, value } = madeBy(installation);
  return [{ Key: key, Value: value }];
}

const vpcSchema = z.object({
  VpcId: z.string(),
  VpcName: z.string().nullish(),
  CidrBlock: z.string(),
  Status: z.string(),
});
const vpcsSchema = z.object({ Vpcs: z.object({ Vpc: z.array(vpcSchema) }) });
type Vpc = z.infer<typeof vpcSchema>;

const vSwitchSchema = z.object({
  VSwitchId: z.string(),
  ZoneId: z.string(),
  CidrBlock: z.string(),
  Status: z.string(),
  AvailableIpAddressCount: z.number().nullish(),
});
const vSwitchesSchema = z.object({
  TotalCount: z.number(),
  VSwitches: z.object({ VSwitch: z.array(vSwitchSchema) }),
});
type VSwitch = z.infer<typeof vSwitchSchema>;

const pageSize = 50;

async function findVpc({ config }: Parts, at: Region): Promise<Vpc | undefined> {
  const { network } = config;
  const isId = network.startsWith("vpc-");
  const query = { ...(isId ? { VpcId: network } : { VpcName: network }), PageSize: pageSize };
  const { Vpcs } = await at.vpc("DescribeVpcs", query, vpcsSchema);
  return Vpcs.Vpc.find(({ VpcId, VpcName }) => (isId ? VpcId : VpcName) === network);
}

/** A private range that few offices use. */
const newBlock = "172.16.0.0/12";

async function makeVpc(parts: Parts, at: Region, installation: string): Promise<Vpc> {
  const { network } = parts.config;
  if (network.startsWith("vpc-")) throw missing(parts, `${at.region} has no network ${network}`);
  const query = { CidrBlock: newBlock, VpcName: network, Tag: tagOf(installation) };
  const made = await at.vpc("CreateVpc", query, z.object({ VpcId: z.string() }));
  return untilAvailable(parts, at, `the network ${made.VpcId}`, async () => {
    const found = await at.vpc("DescribeVpcs", { VpcId: made.VpcId }, vpcsSchema);
    return found.Vpcs.Vpc[0];
  });
}

interface VSwitchWish {
  readonly vpc: Vpc;
  readonly zone: string;
  readonly installation: string;
}

async function findOrMakeVSwitch(
  parts: Parts,
  at: Region,
  { vpc, zone, installation }: VSwitchWish,
): Promise<string> {
  const all = await listVSwitches(parts, at, vpc.VpcId);
  const [best] = all
    .filter(({ ZoneId, Status }) => ZoneId === zone && Status === "Available")
    .toSorted((one, other) => free(other) - free(one));
  if (best !== undefined && free(best) > 0) return best.VSwitchId;
  const block = findFreeBlock(
    vpc.CidrBlock,
    all.map(({ CidrBlock }) => CidrBlock),
  );
  if (block === undefined)
    throw missing(parts, `the network ${vpc.VpcId} has no room for a vSwitch in ${zone}`);
  const query = {
    ZoneId: zone,
    VpcId: vpc.VpcId,
    CidrBlock: block,
    VSwitchName: "gpujob",
    Tag: tagOf(installation),
  };
  const made = await at.vpc("CreateVSwitch", query, z.object({ VSwitchId: z.string() }));
  const { VSwitchId } = await untilAvailable(parts, at, `the vSwitch ${made.VSwitchId}`, async () =>
    (await listVSwitches(parts, at, vpc.VpcId)).find((one) => one.VSwitchId === made.VSwitchId),
  );
  return VSwitchId;
}

function free({ AvailableIpAddressCount }: VSwitch): number {
  return AvailableIpAddressCount ?? 1;
}

/** All of a network, as a new one must not overlap any. */
function listVSwitches({ context }: Parts, at: Region, VpcId: string): Promise<readonly VSwitch[]> {
  return readPages({
    place: { platform: context.platform, operation: "createLease" },
    idOf: ({ VSwitchId }: VSwitch) => VSwitchId,
    readPage: async ({ page }) => {
      const query = { VpcId, PageNumber: page, PageSize: pageSize };
      const answer = await at.vpc("DescribeVSwitches", query, vSwitchesSchema);
      return { rows: answer.VSwitches.VSwitch, total: answer.TotalCount };
    },
  });
}

const looks = 20;

async function untilAvailable<Thing extends { readonly Status: string }>(
  { context }: Parts,
  at: Region,
  name: string,
  look: () => Promise<Thing | undefined>,
): Promise<Thing> {
  for (let left = looks; left > 0; left--) {
    const found = await look();
    if (found?.Status === "Available") return found;
    await context.clock.sleep(500, at.wait);
  }
  const place = { platform: context.platform, operation: "createLease" };
  // Nothing was rented: it may be asked again.
  throw refuse(place, { kind: "rate_limited", scope: "call", what: `${name} is not ready yet` });
}

function missing({ context }: Parts, what: string): PlatformError {
  const place = { platform: context.platform, operation: "createLease" };
  const hint = "Name another `network`; where there is none of a name, it is made.";
  return refuse(place, { kind: "unsupported_request", scope: "region", what, hint });
}

interface GroupWish {
  readonly vpc: Vpc;
  readonly installation: string;
}

/** The security group of a network, with SSH open to `sshFrom`; within a group everything is open. */
async function findOrMakeGroup(
  { config }: Parts,
  at: Region,
  { vpc, installation }: GroupWish,
): Promise<string> {
  const securityGroupName = config.securityGroup;
  if (securityGroupName.startsWith("sg-")) return securityGroupName;
  const regionId = at.region;
  const vpcId = vpc.VpcId;
  const asked = { regionId, vpcId, securityGroupName, maxResults: 100 };
  const found = await at.send((client, sdk) =>
    client.describeSecurityGroups(new sdk.DescribeSecurityGroupsRequest(asked)),
  );
  const known = found.securityGroups?.securityGroup?.find(
    (group) => group.securityGroupName === securityGroupName,
  )?.securityGroupId;
  const id = known ?? (await makeGroup(at, { vpcId, securityGroupName, installation }));
  // Also of one that was found: its maker may have been stopped between the two steps. Twice the same rule is one.
  const permissions = config.sshFrom.map((sourceCidrIp) => ({
    ipProtocol: "TCP",
    portRange: "22/22",
    sourceCidrIp,
    policy: "accept",
    priority: "1",
  }));
  const input = { regionId, securityGroupId: id, permissions };
  await at.send((client, sdk) =>
    client.authorizeSecurityGroup(new sdk.AuthorizeSecurityGroupRequest(input)),
  );
  return id;
}

async function makeGroup(
  at: Region,
  {
    vpcId,
    securityGroupName,
    installation,
  }: { readonly vpcId: string; readonly securityGroupName: string; readonly installation: string },
): Promise<string> {
  const input = {
    regionId: at.region,
    vpcId,
    securityGroupName,
    securityGroupType: "normal",
    tag: [madeBy(installation)],
  };
  const made = await at.send((client, sdk) =>
    client.createSecurityGroup(new sdk.CreateSecurityGroupRequest(input)),
  );
  return made.securityGroupId ?? "";
}
