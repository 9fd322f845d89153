import { ownershipTagNames, throwIfAborted } from "@gpujob/adapter-kit";
import type { ReleaseProgress } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Region, Wait } from "./api.ts";
import { notNow } from "./errors.ts";
import { findTagged, readInstance, tagsOf, toPlace } from "./leases.ts";
import { madeBy } from "./network.ts";

const againAfterMs = 3000;
const watchEveryMs = 500;

type Release = (leaseId: string, wait: Wait) => Promise<ReleaseProgress>;

/**
 * The next step towards the end: delete, until there is no such machine. A deleted machine is shown no more, so that the
 * only proof is its absence. With the last machine of an installation in a region its keys and groups go too.
 */
export function createRelease(parts: Parts): Release {
  /** Whose the machines are that were seen while they were let go of: afterwards nobody can tell. */
  const owners = new Map<string, string>();

  return async (leaseId, wait) => {
    const operation = "releaseLease";
    throwIfAborted(wait.signal, { platform: parts.context.platform, operation });
    const { region, id } = toPlace(leaseId, parts);
    const at = parts.ecs.at(region, operation, wait);
    const instance = await readInstance(at, id);
    const seen = instance && tagsOf(instance)[ownershipTagNames.installation];
    if (seen !== undefined) owners.set(leaseId, seen);
    // Also of one that is not shown: it may be too new to be.
    if (await mayStillBe(at, id)) return { state: "releasing", againAfterMs, watchEveryMs };
    const owner = owners.get(leaseId);
    owners.delete(leaseId);
    if (owner !== undefined) await sweepShared(parts, at, owner);
    return { state: "released" };
  };
}

/** Deletes, and answers whether there was anything to delete. */
async function mayStillBe(at: Region, id: string): Promise<boolean> {
  const input = {
    regionId: at.region,
    instanceId: [id],
    // Running ones too, without asking them first.
    force: true,
    forceStop: true,
  };
  try {
    const answer = await at.find((client, sdk) =>
      client.deleteInstances(new sdk.DeleteInstancesRequest(input)),
    );
    return answer !== undefined;
  } catch (error) {
    if (PlatformError.is(error) && notNow.has(error.failure.platformCode ?? "")) return true;
    throw error;
  }
}

/** They cost nothing: one that is held stays. */
async function sweepShared(parts: Parts, at: Region, installation: string): Promise<void> {
  const tag = madeBy(installation);
  try {
    if ((await findTagged(parts, at, tag)).length > 0) return;
    await deleteKeys(at, tag);
    await deleteGroups(at, tag);
  } catch (error) {
    if (!PlatformError.is(error) || error.kind === "aborted") throw error;
  }
}

type Tag = ReturnType<typeof madeBy>;

async function deleteKeys(at: Region, tag: Tag): Promise<void> {
  const regionId = at.region;
  const { keyPairs } = await at.send((client, sdk) =>
    client.describeKeyPairs(
      new sdk.DescribeKeyPairsRequest({ regionId, tag: [tag], pageSize: 50 }),
    ),
  );
  const names = (keyPairs?.keyPair ?? []).flatMap(({ keyPairName }) => keyPairName ?? []);
  if (names.length === 0) return;
  const input = { regionId, keyPairNames: JSON.stringify(names) };
  await at.send((client, sdk) => client.deleteKeyPairs(new sdk.DeleteKeyPairsRequest(input)));
}

async function deleteGroups(at: Region, tag: Tag): Promise<void> {
  const regionId = at.region;
  const { securityGroups } = await at.send((client, sdk) =>
    client.describeSecurityGroups(
      new sdk.DescribeSecurityGroupsRequest({ regionId, tag: [tag], maxResults: 100 }),
    ),
  );
  for (const { securityGroupId } of securityGroups?.securityGroup ?? []) {
    await at.send((client, sdk) =>
      client.deleteSecurityGroup(new sdk.DeleteSecurityGroupRequest({ regionId, securityGroupId })),
    );
  }
}
