import {
  classifyBy,
  createMetadataNotices,
  fromOwnershipTags,
  listEach,
} from "@gpujob/adapter-kit";
import type { AdapterContext, Lease, Platform } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { createEc2 } from "./api.ts";
import type { AwsConfig } from "./config.ts";
import { awsErrors } from "./errors.ts";
import { findSpotAccess, moveTimer, readMachine, spotService } from "./inside.ts";
import { launch } from "./launch.ts";
import { findOurs, tagsOf, toLease } from "./leases.ts";
import { listAwsOffers } from "./offers.ts";
import { release } from "./release.ts";

export function createAwsPlatform(config: AwsConfig, context: AdapterContext): Platform {
  const { platform, clock, connect } = context;
  const parts: Parts = { config, context, ec2: createEc2(config, context) };
  const notices = createMetadataNotices({ platform, clock, connect, service: spotService });

  return {
    listOffers: (query, wait) => listAwsOffers(parts, query, wait),

    createLease: (request, wait) => launch(parts, request, wait),

    async getLease(leaseId, wait) {
      return (await readMachine(parts, "getLease", leaseId, wait))?.lease;
    },

    listLeases: ({ installation }, wait) =>
      listEach(
        config.regions,
        {
          place: { platform, operation: "listLeases" },
          clock,
          nameOf: (region) => region,
          // All that one whole call may take.
          timeoutMs: 30_000,
          read: (region, limited) => listRegion(parts, region, installation, limited),
        },
        wait,
      ),

    async releaseLease(leaseId, wait) {
      const progress = await release(parts, leaseId, wait);
      await notices.drop(leaseId);
      return progress;
    },

    classify: classifyBy(awsErrors),

    extendLease: (leaseId, until, wait) => moveTimer(parts, { leaseId, until }, wait),

    watchInterruption: (leaseId, wait) =>
      notices.look(leaseId, () => findSpotAccess(parts, leaseId, wait), wait),

    async close() {
      await notices.close();
      parts.ec2.close();
    },
  };
}

async function listRegion(
  parts: Parts,
  region: string,
  installation: string,
  wait: Wait,
): Promise<readonly Lease[]> {
  const instances = await findOurs(parts.ec2.at(region, "listLeases", wait));
  return instances
    .filter((instance) => isListed(fromOwnershipTags(tagsOf(instance)), installation))
    .map((instance) => toLease(parts, region, instance));
}

/** One whose tags cannot be read bills like any other. */
function isListed(
  { ownership }: ReturnType<typeof fromOwnershipTags>,
  installation: string,
): boolean {
  return ownership === undefined || ownership.installation === installation;
}
