import type { FailureScope, LeaseRequest, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Place } from "./abort.ts";
import { omitUndefined } from "./omit-undefined.ts";

/** What an adapter itself refuses, before or instead of the platform. */
export interface Refusal {
  readonly kind: PlatformErrorKind;
  readonly scope: FailureScope;
  /** A sentence without its full stop; the platform's name is put before it. */
  readonly what: string;
  readonly hint?: string;
}

/** The error for a refusal. */
export function refuse(place: Place, { kind, scope, what, hint }: Refusal): PlatformError {
  const details = omitUndefined({ ...place, scope, hint });
  return new PlatformError(kind, `${place.platform}: ${what}.`, details);
}

/**
 * For platforms whose machines cannot be joined.
 *
 * @throws PlatformError `unsupported_request` for more than one node.
 */
export function requireOneNode({ nodes }: LeaseRequest, platform: string): void {
  if (nodes === 1) return;
  throw refuse(
    { platform, operation: "createLease" },
    {
      kind: "unsupported_request",
      scope: "platform",
      what: `a lease is one machine, ${nodes} were asked for`,
      hint: "Ask for one node: the platform joins no machines.",
    },
  );
}
