import type { ErrorFacts, ErrorTable, HttpAnswer, Place } from "@gpujob/adapter-kit";
import { abortedError, isAborted } from "@gpujob/adapter-kit";
import type { Classification, FailureScope, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError, platformErrorKinds } from "@gpujob/spec";
import { z } from "zod";
import { MarketError } from "./market/market-api.ts";

interface Rule {
  readonly kind: PlatformErrorKind;
  readonly scope: FailureScope;
  readonly hint?: string;
}

const scopes = {
  rate_limited: "account",
  unavailable: "platform",
  no_capacity: "offer",
  quota_exceeded: "account",
  insufficient_funds: "account",
  unauthorized: "account",
  forbidden: "account",
  not_verified: "account",
  price_changed: "offer",
  unsupported_request: "offer",
  outcome_unknown: "call",
  lease_failed: "call",
  unreachable: "host",
  interrupted: "host",
  release_failed: "call",
  aborted: "call",
  contract_violation: "platform",
} as const satisfies Record<PlatformErrorKind, FailureScope>;

/** The market's own codes; every other code is a kind already. */
const rules: Readonly<Record<string, Rule>> = {
  // A token sent again with other parameters: a mistake of ours, and there is a machine.
  TokenMismatch: {
    kind: "contract_violation",
    scope: "call",
    hint: "Look for the machine by its tags before another is rented.",
  },
  NoSuchOffer: {
    kind: "unsupported_request",
    scope: "offer",
    hint: "Choose again: the configuration of this platform has changed.",
  },
};

/** What the codes of a served market mean: the same as in the file. */
export const marketErrors: ErrorTable = [
  ...platformErrorKinds.map((kind) => ({
    code: kind,
    kind,
    scope: scopes[kind],
    example: kind,
  })),
  ...Object.entries(rules).map(([code, rule]) => ({ code, ...rule, example: code })),
  { code: "NoSuchMachine", status: 404, kind: "absent", scope: "call", example: "NoSuchMachine" },
];

const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** The refusal in an answer of a served market, which may also come with a good status. */
export function readRefusal({ status, body }: HttpAnswer): ErrorFacts | undefined {
  const refusal = refusalSchema.safeParse(body);
  if (!refusal.success) return status < 400 ? undefined : { status };
  const { code, message } = refusal.data.error;
  return { status, code, text: message };
}

/** Any error of a call as the one error that callers know. */
export function toPlatformError(error: unknown, place: Place): PlatformError {
  if (PlatformError.is(error)) return error;
  if (isAborted(error)) return abortedError(place, error);
  const { kind, scope, hint } = ruleOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const isMarkets = error instanceof MarketError;
  const retryAfterMs = isMarkets ? error.retryAfterMs : undefined;
  return new PlatformError(kind, `${place.platform}: ${text.replace(/\.$/, "")}.`, {
    ...place,
    scope,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(isMarkets ? { platformCode: error.code } : {}),
  });
}

/** What an error means. Pure. */
export function classifyError(error: unknown): Classification {
  const { failure } = toPlatformError(error, { platform: "mock", operation: "call" });
  const { kind, scope, retryAfterMs } = failure;
  return { kind, scope, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function ruleOf(error: unknown): Rule {
  if (error instanceof MarketError) return rules[error.code] ?? ruleOfKind(error);
  if (isDatabaseError(error)) {
    return {
      kind: "unavailable",
      scope: "platform",
      hint: "The market's file could not be used: look at the free space and the rights of its folder.",
    };
  }
  return { kind: "contract_violation", scope: "call" };
}

function ruleOfKind({ code }: MarketError): Rule {
  const kind = platformErrorKinds.find((known) => known === code);
  return kind === undefined
    ? { kind: "contract_violation", scope: "call" }
    : { kind, scope: scopes[kind] };
}

const fileErrorCodes = new Set<unknown>([
  "ERR_SQLITE_ERROR",
  "ENOSPC",
  "EACCES",
  "EROFS",
  "EDQUOT",
]);

function isDatabaseError(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return fileErrorCodes.has(error.code);
}
