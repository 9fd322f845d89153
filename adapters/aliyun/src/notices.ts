import type { Interruption, NodeAccess } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Wait } from "./api.ts";
import { readInstance, toLease, toPlace } from "./leases.ts";

/** Five minutes ahead — https://www.alibabacloud.com/help/en/ecs/user-guide/query-the-interruption-events-of-preemptible-instances (2026-11) */
export const spotService = {
  address: "100.100.100.200",
  // Every launch asks for sessions.
  token: {
    path: "/latest/api/token",
    lifeHeader: "X-aliyun-ecs-metadata-token-ttl-seconds",
    useHeader: "X-aliyun-ecs-metadata-token",
  },
  path: "/latest/meta-data/instance/spot/termination-time",
  read: readNotice,
};

/** The whole notice is a time in UTC, such as `2026-04-07T17:03:00Z`. */
function readNotice(body: string): Interruption | undefined {
  const time = Date.parse(body);
  const reason = "Alibaba Cloud takes the spot machine back";
  return Number.isNaN(time) ? { reason } : { endsAt: new Date(time).toISOString(), reason };
}

type SshAccess = NodeAccess & { readonly kind: "ssh" };

/** How a spot machine is reached; `undefined` for one on demand, which gets no notices. */
export async function findSpotAccess(
  parts: Parts,
  leaseId: string,
  wait: Wait,
): Promise<SshAccess | undefined> {
  const { region, id } = toPlace(leaseId, parts);
  const instance = await readInstance(parts.ecs.at(region, "watchInterruption", wait), id);
  const { spotStrategy = "" } = instance ?? {};
  if (instance !== undefined && (spotStrategy === "NoSpot" || spotStrategy === ""))
    return undefined;
  const access = instance && toLease(parts, region, instance).nodes[0]?.access;
  if (access?.kind === "ssh") return access;
  const { platform } = parts.context;
  throw new PlatformError("unreachable", `${platform}: ${leaseId} has no address now.`, {
    platform,
  });
}
