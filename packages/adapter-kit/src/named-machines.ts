import type { LeaseRequest, Ownership } from "@gpujob/spec";
import { isSameMember, looksLikeOurs, unpackOwnership } from "./ownership.ts";

type Name = string | null | undefined;

/** Whose a machine is, by its name; `undefined` where that cannot be read. For platforms whose names carry ownership. */
export function ownerOfName(name: Name): Ownership | undefined {
  return unpackOwnership(name ?? "");
}

/** Is it the name of the machine of this very request? Its end may differ: that moves while a run is driven. */
export function isNamedFor(name: Name, { ownership }: LeaseRequest): boolean {
  const owner = ownerOfName(name);
  return owner !== undefined && isSameMember(owner, ownership);
}

/** Does a list of the installation show a machine of this name? Those with a damaged name too: they bill like any other. */
export function isListedName(name: Name, installation: string): boolean {
  const owner = ownerOfName(name);
  return owner === undefined ? looksLikeOurs(name ?? "") : owner.installation === installation;
}
