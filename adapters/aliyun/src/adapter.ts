import { classifyBy, createMetadataNotices, listEach } from "@gpujob/adapter-kit";
import type { AdapterContext, Platform } from "@gpujob/spec";
import type { Parts } from "./api.ts";
import { createEcs } from "./api.ts";
import type { AliyunConfig } from "./config.ts";
import { aliyunErrors } from "./errors.ts";
import { launch, toReleaseTime } from "./launch.ts";
import { listRegion, readLease, toPlace } from "./leases.ts";
import { findSpotAccess, spotService } from "./notices.ts";
import { listAliyunOffers } from "./offers.ts";
import { createQueue } from "./queue.ts";
import { createRelease } from "./release.ts";

export function createAliyunPlatform(config: AliyunConfig, context: AdapterContext): Platform {
  const { platform, clock, connect } = context;
  const parts: Parts = { config, context, ecs: createEcs(config, context), queue: createQueue() };
  const notices = createMetadataNotices({ platform, clock, connect, service: spotService });
  const release = createRelease(parts);

  return {
    listOffers: (query, wait) => listAliyunOffers(parts, query, wait),

    createLease: (request, wait) => launch(parts, request, wait),

    getLease: (leaseId, wait) => readLease(parts, "getLease", leaseId, wait),

    listLeases: ({ installation }, wait) =>
      listEach(
        config.regions,
        {
          place: { platform, operation: "listLeases" },
          clock,
          nameOf: (region) => region,
          // All that one whole call may take.
          timeoutMs: 30_000,
          read: (region, limited) =>
            listRegion(parts, parts.ecs.at(region, "listLeases", limited), installation),
        },
        wait,
      ),

    async releaseLease(leaseId, wait) {
      const progress = await release(leaseId, wait);
      await notices.drop(leaseId);
      return progress;
    },

    classify: classifyBy(aliyunErrors),

    async extendLease(leaseId, until, wait) {
      const { region: regionId, id: instanceId } = toPlace(leaseId, parts);
      const autoReleaseTime = toReleaseTime(until, clock.now());
      const input = { regionId, instanceId, autoReleaseTime };
      await parts.ecs
        .at(regionId, "extendLease", wait)
        .find((client, sdk) =>
          client.modifyInstanceAutoReleaseTime(new sdk.ModifyInstanceAutoReleaseTimeRequest(input)),
        );
    },

    watchInterruption: (leaseId, wait) =>
      notices.look(leaseId, () => findSpotAccess(parts, leaseId, wait), wait),

    close: () => notices.close(),
  };
}
