import { unpackOwnership, type Place } from "@gpujob/adapter-kit";
import type { AdapterContext, Lease, LeaseState } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { placeOf, type Host } from "./hosts.ts";
import { priceOf } from "./offers.ts";
import type { ReportedLease } from "./report.ts";

/** The host and key in a lease id; `undefined` for an id that was never ours. */
export function findLeasePlace(
  leaseId: string,
  hosts: readonly Host[],
  place: Place,
): { readonly host: Host; readonly leaseKey: string } | undefined {
  const [, name, leaseKey] = /^(.+)-([a-z0-9]{32})$/.exec(leaseId) ?? [];
  if (name === undefined || leaseKey === undefined) return undefined;
  const host = hosts.find((one) => one.name === name);
  if (host !== undefined) return { host, leaseKey };
  throw new PlatformError(
    "unreachable",
    `${place.platform}: the host ${name} of lease ${leaseId} is no longer in the configuration.`,
    {
      ...place,
      scope: "host",
      hint: `Add it again, or vouch for its end with \`gpujob audit --ended ${leaseId}\`.`,
    },
  );
}

const states = {
  up: "up",
  stopped: "stopped",
  ended: "ended",
  rebooted: "ended",
} as const satisfies Record<ReportedLease["state"], LeaseState>;
const reasons = {
  stopped: "its reservation has lapsed",
  rebooted: "the host was started anew",
} as const;

/** A lease of the contract from what its host shows; access data is read afresh. */
export async function toLease(
  host: Host,
  found: ReportedLease,
  address: string | undefined,
  context: AdapterContext,
): Promise<Lease> {
  const leaseId = `${host.name}-${found.leaseKey}`;
  const ownership = unpackOwnership(found.name);
  const reason =
    found.state === "stopped" || found.state === "rebooted" ? { reason: reasons[found.state] } : {};
  const cards = found.cards.filter((card) => card !== "host").map(Number);
  const total = host.config.gpu?.gpu?.count;
  const { access, root } = await placeOf(host, context);
  return {
    leaseId,
    leaseKey: found.leaseKey,
    ...(ownership === undefined ? {} : { ownership }),
    state: states[found.state],
    isBillable: false,
    ...(total === undefined ? {} : { pricePerHour: priceOf(host, cards.length / total, context) }),
    ...(found.createdAt === undefined
      ? {}
      : { startedAt: new Date(found.createdAt * 1000).toISOString() }),
    ...reason,
    nodes: [
      {
        nodeId: leaseId,
        rank: 0,
        internalAddress: address ?? access.host,
        access,
        ...(cards.length === 0 ? {} : { cards }),
        ...(root === undefined ? {} : { root }),
      },
    ],
  };
}
