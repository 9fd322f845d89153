import { GpujobError, PlatformError } from "@gpujob/spec";

/** Where something happened, for the message and the failure. */
export interface Place {
  readonly platform: string;
  /** The contract method, such as `createLease`. */
  readonly operation: string;
}

/** The error for a call that its caller cancelled. */
export function abortedError(place: Place, cause?: unknown): PlatformError {
  return new PlatformError("aborted", `${place.platform}: ${place.operation} was cancelled.`, {
    ...place,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Call before each side effect.
 *
 * @throws PlatformError `aborted` when the signal has fired.
 */
export function throwIfAborted(signal: AbortSignal, place: Place): void {
  if (signal.aborted) throw abortedError(place, signal.reason);
}

/** Is it the error of an aborted wait, ours or the runtime's? */
export function isAborted(error: unknown): boolean {
  if (GpujobError.is(error)) return error.kind === "aborted";
  return error instanceof Error && error.name === "AbortError";
}
