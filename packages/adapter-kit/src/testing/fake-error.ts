import type { FailureScope, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** An error as the fake platform raises it. */
export function fakeError(
  platform: string,
  operation: string,
  kind: PlatformErrorKind,
  details: { readonly scope?: FailureScope; readonly retryAfterMs?: number } = {},
): PlatformError {
  return new PlatformError(kind, `${platform}: ${operation} failed: ${kind.replace("_", " ")}.`, {
    platform,
    operation,
    scope: details.scope ?? "call",
    hint: "This is a simulated platform; its script asked for this failure.",
    ...(details.retryAfterMs === undefined ? {} : { retryAfterMs: details.retryAfterMs }),
  });
}
