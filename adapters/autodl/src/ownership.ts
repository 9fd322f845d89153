import { isSameMember, looksLikeOurs, unpackOwnership } from "@gpujob/adapter-kit";
import type { Lease, LeaseRequest } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** Is it the machine of this very request? Its end may differ, that moves while a run is driven. */
export function isOf(name: string | null | undefined, request: LeaseRequest): boolean {
  const owner = unpackOwnership(name ?? "");
  return owner !== undefined && isSameMember(owner, request.ownership);
}

/** Does a list of the installation show this machine? Those with a damaged name too. */
export function isListed(name: string | null | undefined, installation: string): boolean {
  const owner = unpackOwnership(name ?? "");
  return owner === undefined ? looksLikeOurs(name ?? "") : owner.installation === installation;
}

/** The part of a lease that its name tells. */
export function ownerOf(name: string | null | undefined): Pick<Lease, "ownership"> {
  const ownership = unpackOwnership(name ?? "");
  return ownership === undefined ? {} : { ownership };
}

/** @throws PlatformError `unsupported_request` for more than one node. */
export function refuseSeveralNodes(request: LeaseRequest, platform: string): void {
  if (request.nodes === 1) return;
  throw new PlatformError("unsupported_request", `${platform}: one lease is one machine.`, {
    platform,
    operation: "createLease",
    hint: "Ask for one node: the platform joins no machines.",
  });
}
