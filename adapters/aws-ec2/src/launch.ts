import type { RunInstancesCommandInput } from "@aws-sdk/client-ec2";
import { requireOneNode, throwIfAborted, toOwnershipTags } from "@gpujob/adapter-kit";
import type { Lease, LeaseRequest } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Region, Wait } from "./api.ts";
import { vanished } from "./errors.ts";
import { findImage } from "./image.ts";
import { findInstances, toLease } from "./leases.ts";
import { findOrMakeGroup, findSubnet, importKey, openFabric } from "./network.ts";
import { surchargeOf } from "./offers.ts";
import { currencyOf } from "./regions.ts";

const call = { operation: "createLease" };

/** One machine for one lease key, which is the client token: EC2 gives the same machine for the same token. */
export async function launch(parts: Parts, request: LeaseRequest, wait: Wait): Promise<Lease> {
  const { platform } = parts.context;
  throwIfAborted(wait.signal, { platform, ...call });
  requireOneNode(request, platform);
  const at = parts.ec2.at(request.offer.region, call.operation, wait);
  try {
    return await launchOnce(parts, at, request);
  } catch (error) {
    const code = PlatformError.is(error) ? (error.failure.platformCode ?? "") : "";
    // Another run has just swept the key or the group away: nothing was made, and once more finds or makes them.
    if (vanished.has(code)) return launchOnce(parts, at, request);
    if (code !== "IdempotentParameterMismatch") throw error;
    const found = await findByToken(parts, at, request.leaseKey);
    if (found === undefined) throw error;
    return found;
  }
}

/** The end time moves between two tries, so that the second one's words differ; the token's machine is still ours. */
async function findByToken(parts: Parts, at: Region, leaseKey: string): Promise<Lease | undefined> {
  const [found] = await findInstances(at, { Name: "client-token", Values: [leaseKey] });
  return found === undefined ? undefined : toLease(parts, at.region, found);
}

async function launchOnce(parts: Parts, at: Region, request: LeaseRequest): Promise<Lease> {
  const input = await compose(parts, at, request);
  const { Instances = [] } = await at.send((sdk) => new sdk.RunInstancesCommand(input), {
    isWrite: true,
  });
  const [instance] = Instances;
  if (instance?.InstanceId !== undefined) return toLease(parts, at.region, instance);
  const { platform } = parts.context;
  const message = `${platform}: createLease was answered without a machine.`;
  throw new PlatformError("outcome_unknown", message, { platform, ...call });
}

/** Everything that a launch says. Nothing of it outlives the machine, and nothing is left to the account's defaults. */
async function compose(
  parts: Parts,
  at: Region,
  request: LeaseRequest,
): Promise<RunInstancesCommandInput> {
  const { config } = parts;
  const { offer, ownership, leaseKey } = request;
  const [{ subnetId, groupId }, KeyName, image] = await Promise.all([
    findPlace(parts, at, request),
    importKey(at, request),
    findImage(parts, at, request),
  ]);
  const Tags = Object.entries(toOwnershipTags(ownership, leaseKey)).map(([Key, Value]) => ({
    Key,
    Value,
  }));
  const tagged = ["instance", "volume", "network-interface"] as const;
  const kinds = offer.market === "spot" ? ([...tagged, "spot-instances-request"] as const) : tagged;
  return {
    ClientToken: leaseKey,
    MinCount: 1,
    MaxCount: 1,
    InstanceType: asInstanceType(offer.instanceType),
    ImageId: image.id,
    KeyName,
    // A power-off from inside ends the machine and the bill: no call and no permission is needed for it.
    InstanceInitiatedShutdownBehavior: "terminate",
    UserData: Buffer.from(endTimer(parts, request)).toString("base64"),
    BlockDeviceMappings: [
      {
        DeviceName: image.rootDevice,
        Ebs: {
          VolumeSize: Math.max(Math.ceil(request.diskGib), config.diskGib, image.minimumGib),
          VolumeType: "gp3",
          DeleteOnTermination: true,
        },
      },
    ],
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        ...(request.fabric === "rdma" ? { InterfaceType: "efa" } : {}),
        SubnetId: subnetId,
        Groups: [groupId],
        AssociatePublicIpAddress: true,
        DeleteOnTermination: true,
      },
    ],
    // One hop: containers on the machine reach no credentials.
    MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
    TagSpecifications: kinds.map((ResourceType) => ({ ResourceType, Tags })),
    ...(offer.market === "spot" ? { InstanceMarketOptions: spotOptions(parts, request) } : {}),
  };
}

async function findPlace(
  parts: Parts,
  at: Region,
  { offer, ownership, fabric }: LeaseRequest,
): Promise<{ readonly subnetId: string; readonly groupId: string }> {
  const { installation } = ownership;
  const { subnetId, vpcId } = await findSubnet(parts, at, offer.zone ?? "");
  const groupId = await findOrMakeGroup(parts, at, { vpcId, installation });
  if (fabric === "rdma") await openFabric(parts, at, groupId);
  return { subnetId, groupId };
}

/** EC2 has no timer of its own: the machine powers itself off, and that ends it. Moved by `extendLease`. */
function endTimer({ context }: Parts, { endsAt }: LeaseRequest): string {
  return `#!/bin/sh\nshutdown -h +${minutesUntil(endsAt, context.clock.now())}\n`;
}

/** Whole minutes until then, at least one. */
export function minutesUntil(time: string, now: number): number {
  return Math.max(1, Math.ceil((Date.parse(time) - now) / 60_000));
}

/** A ceiling makes interruptions likelier, so that there is none unless the user set one in this region's currency. */
function spotOptions(
  { config }: Parts,
  { priceLimit, offer: { region } }: LeaseRequest,
): RunInstancesCommandInput["InstanceMarketOptions"] {
  const hasLimit = priceLimit !== undefined && priceLimit.currency === currencyOf(region);
  // The limit is for everything that bills by the hour, rounded to a millionth; EC2's is for the machine alone, in steps of
  // 0.0001.
  const limit = hasLimit ? (priceLimit.micros - 0.6) / 1e6 - surchargeOf(config, region) : 0;
  return {
    MarketType: "spot",
    SpotOptions: {
      SpotInstanceType: "one-time",
      InstanceInterruptionBehavior: "terminate",
      ...(hasLimit ? { MaxPrice: (Math.max(10, Math.ceil(limit * 1e4)) / 1e4).toFixed(4) } : {}),
    },
  };
}

/** The SDK lists the types that it was built with; EC2 has newer ones. */
function asInstanceType(type: string): NonNullable<RunInstancesCommandInput["InstanceType"]> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a name that EC2 itself has listed
  return type as NonNullable<RunInstancesCommandInput["InstanceType"]>;
}
