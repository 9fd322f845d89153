import type { Clock, Platform, PlatformErrorKind } from "@gpujob/spec";
import { IncompleteListError, PlatformError } from "@gpujob/spec";
import pRetry from "p-retry";
import { abortedError } from "./abort.ts";
import { decoratePlatform } from "./platform-decorator.ts";

/** How calls that failed for a moment are repeated. */
export interface WithRetryOptions {
  /** The platform's configured name; for messages. */
  readonly platform: string;
  readonly clock: Clock;
  /** From 0 up to 1; spreads the waits of many clients. */
  readonly random: () => number;
  /** Further tries after the first. @default 3 */
  readonly retries?: number;
  /** Before the second try, in milliseconds; doubles each time. @default 500 */
  readonly firstDelayMs?: number;
}

/** The longest that a platform's own wish to wait is obeyed. */
const maximumWaitMs = 300_000;

const passing = new Set<PlatformErrorKind>([
  "rate_limited",
  "unavailable",
  "unreachable",
  "contract_violation",
  // Of a release or another call that may be repeated; a create never comes here.
  "outcome_unknown",
]);

/**
 * Repeats calls that failed for a moment, waiting as long as the platform asks, at most five minutes. `createLease` is
 * never repeated: a second one could make a second machine.
 */
export function withRetry(platform: Platform, options: WithRetryOptions): Platform {
  return decoratePlatform(platform, (operation, signal, call) => {
    if (operation === "createLease") return call(signal);
    return pRetry(() => call(signal), {
      retries: options.retries ?? 3,
      // The waiting is done on our clock, below.
      minTimeout: 0,
      maxTimeout: 0,
      shouldRetry: async ({ error, attemptNumber }) => {
        // What could be asked has answered, and what could not has had its time.
        if (IncompleteListError.is(error)) return false;
        if (!PlatformError.is(error) || !passing.has(error.kind)) return false;
        const waitMs = waitBefore(error, attemptNumber, options);
        try {
          await options.clock.sleep(waitMs, { signal });
        } catch (cause) {
          throw abortedError({ platform: options.platform, operation }, cause);
        }
        return true;
      },
    });
  });
}

function waitBefore(error: PlatformError, attempt: number, options: WithRetryOptions): number {
  const firstMs = options.firstDelayMs ?? 500;
  // Half to the whole of the doubling delay.
  const usualMs = firstMs * 2 ** (attempt - 1) * (0.5 + options.random() / 2);
  const { retryAfterMs } = error.failure;
  return Math.min(retryAfterMs === undefined ? usualMs : Math.max(retryAfterMs, 0), maximumWaitMs);
}
