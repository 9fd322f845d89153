import type { Clock, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { outcomeUnknown } from "./create-once.ts";
import { runWithDeadline } from "./deadline.ts";
import type { PlatformOperation } from "./platform-decorator.ts";
import { decoratePlatform } from "./platform-decorator.ts";

/** How long the calls of a platform may take. */
export interface WithDeadlineOptions {
  /** The platform's configured name; for messages. */
  readonly platform: string;
  readonly clock: Clock;
  /** For every method that `timeoutsMs` does not name, in milliseconds. @default 60_000 */
  readonly timeoutMs?: number;
  readonly timeoutsMs?: Partial<Record<PlatformOperation, number>>;
}

/**
 * Puts a deadline around every call, also of an adapter that ignores its signal. A create that runs out of time or is
 * aborted on the way is `outcome_unknown`; everything else is `unreachable` or `aborted`.
 */
export function withDeadline(platform: Platform, options: WithDeadlineOptions): Platform {
  return decoratePlatform(platform, (operation, signal, call) => {
    const timeoutMs = options.timeoutsMs?.[operation] ?? options.timeoutMs ?? 60_000;
    const place = { platform: options.platform, operation };
    const late = new PlatformError(
      "unreachable",
      `${options.platform}: ${operation} did not finish within ${timeoutMs} ms.`,
      { ...place, scope: "platform", hint: "Check the network and the platform's status page." },
    );
    const unknown = (cause: unknown): PlatformError =>
      outcomeUnknown({ ...place, name: "the machine", cause });
    const isCreate = operation === "createLease";
    return runWithDeadline(
      {
        clock: options.clock,
        timeoutMs,
        signal,
        place,
        lateError: () => (isCreate ? unknown(late) : late),
        ...(isCreate ? { stoppedError: () => unknown(signal.reason) } : {}),
      },
      call,
    );
  });
}
