import { isSameMember, unpackOwnership, type Place } from "@gpujob/adapter-kit";
import type { AdapterContext, LeaseRequest } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { HostView } from "./hosts.ts";

/** By the difference only: the host counts it from its own uptime, so that its clock does not matter. */
export function secondsUntil(until: string, { clock }: AdapterContext): number {
  return Math.max(1, Math.ceil((Date.parse(until) - clock.now()) / 1000));
}

/**
 * Where there is a choice, in the order to try: hosts without another member of this attempt, then those with the most
 * free cards. Members that are placed at the same moment begin at different hosts. The first of all where none has room.
 */
export function rankHosts(
  views: readonly HostView[],
  count: number,
  { ownership }: LeaseRequest,
): readonly HostView[] {
  const hasMember = ({ report }: HostView): boolean =>
    report.leases.some(({ name, state }) => {
      const other = unpackOwnership(name);
      return (
        state === "up" &&
        other !== undefined &&
        isSameMember({ ...other, member: ownership.member }, ownership)
      );
    });
  const first = ownership.member % Math.max(1, views.length);
  const turned = [...views.slice(first), ...views.slice(0, first)];
  const fitting = turned
    .filter(({ free }) => free.length >= count)
    .toSorted(
      (one, other) =>
        Number(hasMember(one)) - Number(hasMember(other)) || other.free.length - one.free.length,
    );
  return fitting.length === 0 ? views.slice(0, 1) : fitting;
}

/** What no host could do. */
export function refuse(
  request: LeaseRequest,
  isUnknown: boolean,
  place: Place,
): PlatformError | undefined {
  const { offer, nodes } = request;
  if (isUnknown) {
    return new PlatformError(
      "unsupported_request",
      `${place.platform}: there is no offer ${offer.offerId}.`,
      {
        ...place,
        scope: "offer",
        hint: "Its host may have been taken out of the configuration; plan again.",
      },
    );
  }
  if (nodes === 1) return undefined;
  return new PlatformError(
    "unsupported_request",
    `${place.platform}: a lease holds one host, ${nodes} were asked for.`,
    { ...place, scope: "call" },
  );
}

/** Somebody else has the cards. */
export function noCapacity(
  { offer }: LeaseRequest,
  view: HostView | undefined,
  place: Place,
): PlatformError {
  const holders = [...new Set(view?.report.claims.map(({ user }) => user))].join(", ");
  const who = holders === "" ? "" : ` (held by ${holders})`;
  return new PlatformError(
    "no_capacity",
    `${place.platform}: too few cards are free for ${offer.offerId}${who}.`,
    {
      ...place,
      scope: "offer",
      hint: "`queue: 2h` in the job file waits for them.",
    },
  );
}
