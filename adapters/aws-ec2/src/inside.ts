import type { Interruption, Lease, NodeAccess } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { minutesUntil } from "./launch.ts";
import { readInstance, toLease, toPlace } from "./leases.ts";

/** One machine as a lease; `undefined`: there is none of that id. */
export async function readMachine(
  parts: Parts,
  operation: string,
  leaseId: string,
  wait: Wait,
): Promise<{ readonly lease: Lease; readonly isSpot: boolean } | undefined> {
  const { region, id } = toPlace(leaseId, parts);
  const instance = await readInstance(parts.ec2.at(region, operation, wait), id);
  if (instance === undefined) return undefined;
  return {
    lease: toLease(parts, region, instance),
    isSpot: instance.InstanceLifecycle === "spot",
  };
}

const noticeSchema = z.object({ action: z.string(), time: z.iso.datetime() });

/** Two minutes ahead, best effort — https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html (2026-11) */
export const spotService = {
  address: "169.254.169.254",
  token: {
    path: "/latest/api/token",
    lifeHeader: "X-aws-ec2-metadata-token-ttl-seconds",
    useHeader: "X-aws-ec2-metadata-token",
  },
  path: "/latest/meta-data/spot/instance-action",
  read: readNotice,
};

function readNotice(body: string): Interruption | undefined {
  const { action, time } = noticeSchema.parse(JSON.parse(body));
  return {
    endsAt: new Date(time).toISOString(),
    reason: `EC2 takes the spot machine back (${action})`,
  };
}

type SshAccess = NodeAccess & { readonly kind: "ssh" };

/** How a spot machine is reached; `undefined` for one on demand, which gets no notices. */
export async function findSpotAccess(
  parts: Parts,
  leaseId: string,
  wait: Wait,
): Promise<SshAccess | undefined> {
  const machine = await readMachine(parts, "watchInterruption", leaseId, wait);
  if (machine !== undefined && !machine.isSpot) return undefined;
  return accessOf(parts, machine?.lease, leaseId);
}

function accessOf(parts: Parts, lease: Lease | undefined, leaseId: string): SshAccess {
  const access = lease?.nodes[0]?.access;
  if (access?.kind === "ssh") return access;
  const { platform } = parts.context;
  throw new PlatformError("unreachable", `${platform}: ${leaseId} has no address now.`, {
    platform,
  });
}

const timerScript = `as=
[ "$(id -u)" = 0 ] || as='sudo -n'
$as shutdown -c 2>/dev/null
$as shutdown -h "+$1"`;

/** The timer is the machine's own, and is moved there: a machine that cannot be reached keeps the time it has. */
export async function moveTimer(
  parts: Parts,
  { leaseId, until }: { readonly leaseId: string; readonly until: string },
  wait: Wait,
): Promise<void> {
  const { context } = parts;
  const { lease } = (await readMachine(parts, "extendLease", leaseId, wait)) ?? {};
  if (lease === undefined || lease.state === "ended" || lease.state === "releasing") return;
  const channel = await context.connect(accessOf(parts, lease, leaseId), wait);
  try {
    const minutes = String(minutesUntil(until, context.clock.now()));
    const execution = channel.exec(["sh", "-c", timerScript, "sh", minutes], wait);
    execution.stdin.end();
    execution.stdout.resume();
    execution.stderr.resume();
    const { code } = await execution.exit;
    if (code === 0) return;
    const { platform } = context;
    const what = `${platform}: the end timer of ${leaseId} could not be moved (shutdown: code ${code}).`;
    const hint = `The user ${parts.config.user} must be able to run \`sudo -n shutdown\`.`;
    throw new PlatformError("unsupported_request", what, {
      platform,
      operation: "extendLease",
      hint,
    });
  } finally {
    await channel.close();
  }
}
