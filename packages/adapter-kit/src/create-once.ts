import type { PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { throwIfAborted } from "./abort.ts";

/** How `createOnce` looks for and makes one machine. */
export interface CreateOnceOptions<Found> {
  readonly platform: string;
  /** What the machine is found by: the packed ownership or the lease key. */
  readonly name: string;
  /** Looks for the machine by that name or tag, through every page. `undefined`: there is none to be seen. */
  readonly find: (options: { readonly signal: AbortSignal }) => Promise<Found | undefined>;
  /** Makes the machine with that name or tag on it. Called at most once. */
  readonly create: (options: { readonly signal: AbortSignal }) => Promise<Found>;
}

/** Errors that say plainly: nothing was made. Everything else after a create was sent leaves that open. */
const refusals = new Set<PlatformErrorKind>([
  "rate_limited",
  "no_capacity",
  "quota_exceeded",
  "insufficient_funds",
  "unauthorized",
  "forbidden",
  "not_verified",
  "price_changed",
  "unsupported_request",
]);

/** Does this error prove that a create made nothing? */
export function isRefusal(error: unknown): boolean {
  return PlatformError.is(error) && refusals.has(error.kind);
}

/**
 * Create for platforms without an idempotency token: looks first, then creates once. A second call with the same name
 * finds the first one's machine, as long as the platform's list shows it.
 *
 * It never repeats a create. Whoever gets `outcome_unknown` must look again through the platform's visibility window.
 *
 * @throws PlatformError what `find` throws; what `create` throws when that is a refusal; else `outcome_unknown`.
 */
export async function createOnce<Found>(
  options: CreateOnceOptions<Found>,
  { signal }: { readonly signal: AbortSignal },
): Promise<Found> {
  const place = { platform: options.platform, operation: "createLease" };
  const found = await options.find({ signal });
  if (found !== undefined) return found;
  throwIfAborted(signal, place);
  try {
    return await options.create({ signal });
  } catch (error) {
    if (isRefusal(error) || isUnclear(error)) throw error;
    throw outcomeUnknown({ ...place, name: options.name, cause: error });
  }
}

function isUnclear(error: unknown): boolean {
  return PlatformError.is(error) && error.kind === "outcome_unknown";
}

/** The error for a create, release or other write whose effect nobody can tell. */
export function outcomeUnknown(details: {
  readonly platform: string;
  readonly operation: string;
  /** What the write was about: a machine's name or id. */
  readonly name: string;
  readonly cause: unknown;
}): PlatformError {
  const { platform, operation, name, cause } = details;
  const failure = PlatformError.is(cause) ? cause.failure : undefined;
  return new PlatformError(
    "outcome_unknown",
    `${platform}: ${operation} of ${name} was sent, but its outcome is not known.`,
    {
      scope: "call",
      platform,
      operation,
      hint: "The machine is looked for by its name before anything else is rented.",
      cause,
      ...(failure?.platformCode === undefined ? {} : { platformCode: failure.platformCode }),
      ...(failure?.requestId === undefined ? {} : { requestId: failure.requestId }),
    },
  );
}
