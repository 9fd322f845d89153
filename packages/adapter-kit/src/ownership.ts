import type { Ownership } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

const maximumLength = 48;
const nameShape = /^gj-([a-z0-9]{8})-([a-z0-9]+)-([1-9][0-9]*)-(0|[1-9][0-9]*)-(0|[1-9][0-9]*)$/;

/** Tag or label keys; their values are `[a-z0-9]` only, which every platform accepts. */
export const ownershipTagNames = {
  installation: "gpujob-installation",
  run: "gpujob-run",
  attempt: "gpujob-attempt",
  member: "gpujob-member",
  expires: "gpujob-expires",
  leaseKey: "gpujob-lease-key",
} as const;

/** What could be read from a machine's tags. */
export interface OwnershipMarks {
  readonly ownership?: Ownership;
  readonly leaseKey?: string;
}

/**
 * Ownership as a machine name: `gj-<installation>-<run>-<attempt>-<member>-<expires>`, at most 48 of `[a-z0-9-]`.
 *
 * @throws PlatformError `unsupported_request` when it would not read back the same.
 */
export function packOwnership(ownership: Ownership): string {
  const { installation, run, attempt, member, expires } = ownership;
  const name = `gj-${installation}-${run}-${attempt}-${member}-${expires}`;
  const back = unpackOwnership(name);
  if (back === undefined || !isSameOwnership(back, ownership)) {
    throw new PlatformError(
      "unsupported_request",
      `The ownership "${name}" does not fit a machine name of ${maximumLength} characters [a-z0-9-].`,
      { hint: "Use an installation of 8 characters [a-z0-9] and a shorter run id." },
    );
  }
  return name;
}

/** Reads a name made by `packOwnership`; `undefined` for every other text. */
export function unpackOwnership(name: string): Ownership | undefined {
  if (name.length > maximumLength) return undefined;
  const [, installation, run, attempt, member, expires] = nameShape.exec(name) ?? [];
  if (installation === undefined || run === undefined) return undefined;
  const ownership = {
    installation,
    run,
    attempt: Number(attempt),
    member: Number(member),
    expires: Number(expires),
  };
  const isExact = [ownership.attempt, ownership.member, ownership.expires].every((value) =>
    Number.isSafeInteger(value),
  );
  return isExact ? ownership : undefined;
}

/**
 * Does a name look like one of ours, readable or not? `listLeases` shows such machines too, without ownership,
 * because one with a damaged name bills like any other.
 */
export function looksLikeOurs(name: string): boolean {
  return name.startsWith("gj-");
}

/** Ownership and lease key as tags or labels. */
export function toOwnershipTags(ownership: Ownership, leaseKey: string): Record<string, string> {
  return {
    [ownershipTagNames.installation]: ownership.installation,
    [ownershipTagNames.run]: ownership.run,
    [ownershipTagNames.attempt]: String(ownership.attempt),
    [ownershipTagNames.member]: String(ownership.member),
    [ownershipTagNames.expires]: String(ownership.expires),
    [ownershipTagNames.leaseKey]: leaseKey,
  };
}

/** Reads tags made by `toOwnershipTags`. Damaged ones give no ownership, and the key where that is whole. */
export function fromOwnershipTags(
  tags: Readonly<Record<string, string | undefined>>,
): OwnershipMarks {
  const names = ownershipTagNames;
  const parts = [names.installation, names.run, names.attempt, names.member, names.expires];
  const ownership = unpackOwnership(`gj-${parts.map((name) => tags[name] ?? "").join("-")}`);
  const leaseKey = tags[names.leaseKey];
  return {
    ...(ownership === undefined ? {} : { ownership }),
    ...(leaseKey === undefined || leaseKey === "" ? {} : { leaseKey }),
  };
}

/** Is it the same member of the same attempt? The end time may differ: it moves while the run is driven. */
export function isSameMember(one: Ownership, other: Ownership): boolean {
  return (
    one.installation === other.installation &&
    one.run === other.run &&
    one.attempt === other.attempt &&
    one.member === other.member
  );
}

function isSameOwnership(one: Ownership, other: Ownership): boolean {
  return isSameMember(one, other) && one.expires === other.expires;
}
