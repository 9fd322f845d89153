import type { Instance, VolumeAttachment } from "@aws-sdk/client-ec2";
import { fromOwnershipTags, ownershipTagNames, throwIfAborted } from "@gpujob/adapter-kit";
import type { ReleaseProgress } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Region, Wait } from "./api.ts";
import { findInstances, readInstance, tagsOf, toPlace } from "./leases.ts";

const againAfterMs = 3000;

/** The next step towards the end: terminate, then wait for `terminated`, then look for what it may have left behind. */
export async function release(parts: Parts, leaseId: string, wait: Wait): Promise<ReleaseProgress> {
  const operation = "releaseLease";
  throwIfAborted(wait.signal, { platform: parts.context.platform, operation });
  const { region, id } = toPlace(leaseId, parts);
  const at = parts.ec2.at(region, operation, wait);
  const instance = await readInstance(at, id);
  // Terminated machines are shown for about an hour; after that there is nothing left to look up.
  if (instance === undefined) return { state: "released" };
  const state = instance.State?.Name;
  if (state !== "terminated") {
    const input = { InstanceIds: [id] };
    if (state !== "shutting-down") await at.find((sdk) => new sdk.TerminateInstancesCommand(input));
    return { state: "releasing", againAfterMs };
  }
  if (await sweepVolumes(at, instance)) return { state: "releasing", againAfterMs };
  await sweepShared(at, instance);
  return { state: "released" };
}

/** Disks go with their machine; one that did not bills on. Answers whether one is still being let go of. */
async function sweepVolumes(at: Region, instance: Instance): Promise<boolean> {
  const { leaseKey } = fromOwnershipTags(tagsOf(instance));
  if (leaseKey === undefined) return false;
  const Filters = [{ Name: `tag:${ownershipTagNames.leaseKey}`, Values: [leaseKey] }];
  const isOf = ({ InstanceId }: VolumeAttachment): boolean => InstanceId === instance.InstanceId;
  const { Volumes = [] } = await at.send((sdk) => new sdk.DescribeVolumesCommand({ Filters }));
  for (const { VolumeId, State } of Volumes) {
    if (State !== "available" && State !== "error") continue;
    await at.find((sdk) => new sdk.DeleteVolumeCommand({ VolumeId }));
  }
  return Volumes.some(({ Attachments }) => Attachments?.some(isOf) ?? false);
}

/** With the last machine of an installation in a region its keys and groups go too. They cost nothing: one that is held stays. */
async function sweepShared(at: Region, instance: Instance): Promise<void> {
  const owner = tagsOf(instance)[ownershipTagNames.installation];
  if (owner === undefined) return;
  const filter = { Name: `tag:${ownershipTagNames.installation}`, Values: [owner] };
  try {
    const others = await findInstances(at, filter);
    if (others.length === 0) await deleteShared(at, [filter]);
  } catch (error) {
    if (!PlatformError.is(error) || error.kind === "aborted") throw error;
  }
}

async function deleteShared(
  at: Region,
  Filters: { readonly Name: string; readonly Values: string[] }[],
): Promise<void> {
  const { KeyPairs = [] } = await at.send((sdk) => new sdk.DescribeKeyPairsCommand({ Filters }));
  for (const { KeyPairId } of KeyPairs) {
    await at.send((sdk) => new sdk.DeleteKeyPairCommand({ KeyPairId }));
  }
  const { SecurityGroups = [] } = await at.send(
    (sdk) => new sdk.DescribeSecurityGroupsCommand({ Filters }),
  );
  for (const { GroupId } of SecurityGroups) {
    await at.send((sdk) => new sdk.DeleteSecurityGroupCommand({ GroupId }));
  }
}
