import type { Clock, FailureScope, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { ErrorFacts, ErrorRow } from "../error-table.ts";
import type { Redactor } from "./redact.ts";
import { readRetryAfter } from "./retry-after.ts";

/** An answer of the platform, read and parsed. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; text where it is none; `undefined` where it is empty. */
  readonly body: unknown;
}

/** The call that an error is about. */
export interface CallFacts {
  readonly platform: string;
  readonly operation: string;
  readonly isWrite: boolean;
  readonly redact: Redactor;
  readonly clock: Clock;
  readonly requestIdHeaders: readonly string[];
}

interface ErrorParts {
  readonly kind: PlatformErrorKind;
  readonly scope: FailureScope;
  /** Completes "platform: operation failed: …". */
  readonly why: string;
  readonly hint?: string;
  readonly facts?: ErrorFacts;
  readonly requestId?: string;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
  /** Is it certain that the call had no effect? */
  readonly hadNoEffect?: boolean;
}

// Of these nobody can say whether a write was done.
const unclear = new Set<PlatformErrorKind>(["unavailable", "unreachable", "contract_violation"]);

/** Builds the error of a call; an unclear answer to a write becomes `outcome_unknown`. */
export function callError(call: CallFacts, parts: ErrorParts): PlatformError {
  const isUnclear = call.isWrite && parts.hadNoEffect !== true && unclear.has(parts.kind);
  const kind = isUnclear ? "outcome_unknown" : parts.kind;
  const { redact } = call;
  const why = redact(parts.why);
  const { requestId, retryAfterMs, hint, facts } = parts;
  return new PlatformError(kind, `${call.platform}: ${call.operation} failed: ${why}.`, {
    scope: isUnclear ? "call" : parts.scope,
    platform: call.platform,
    operation: call.operation,
    ...(hint === undefined ? {} : { hint }),
    ...(requestId === undefined ? {} : { requestId: redact(requestId) }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(facts?.code === undefined ? {} : { platformCode: redact(String(facts.code)) }),
    ...(parts.cause === undefined ? {} : { cause: plainCause(parts.cause, redact) }),
  });
}

/** The error of an answer that says no, by the row that knows it, else by its status. */
export function refusalError(
  call: CallFacts,
  answer: HttpAnswer,
  facts: ErrorFacts & { readonly requestId?: string },
  row: ErrorRow | undefined,
): PlatformError {
  const retryAfterMs = readRetryAfter(answer.headers, call.clock.now());
  const requestId = facts.requestId ?? requestIdOf(call, answer.headers);
  const usual = byStatus(answer);
  const kind = row?.kind ?? usual.kind;
  const hint = row?.hint ?? usual.hint;
  return callError(call, {
    // What is absent where it had to be there was a wrong request.
    kind: kind === "absent" ? notJson(answer) : kind,
    scope: row?.scope ?? usual.scope,
    why: describe(facts, answer.status),
    facts,
    ...(hint === undefined ? {} : { hint }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The request id in an answer's headers. */
export function requestIdOf(call: CallFacts, headers: Headers): string | undefined {
  for (const name of call.requestIdHeaders) {
    const value = headers.get(name);
    if (value !== null && value !== "") return value;
  }
  return undefined;
}

interface Usual {
  readonly kind: PlatformErrorKind;
  readonly scope: FailureScope;
  readonly hint?: string;
}

/** What a plain refusal is when it is not even in the platform's own form. */
function notJson({ body }: HttpAnswer): PlatformErrorKind {
  return typeof body === "string" ? "contract_violation" : "unsupported_request";
}

function byStatus(answer: HttpAnswer): Usual {
  const { status } = answer;
  if (status === 429) return { kind: "rate_limited", scope: "account" };
  if (status === 401) {
    const hint = "Check the platform's credential in the configuration, or make a new one.";
    return { kind: "unauthorized", scope: "account", hint };
  }
  if (status === 402) return { kind: "insufficient_funds", scope: "account" };
  if (status === 403) return { kind: "forbidden", scope: "account" };
  if (status === 408 || status >= 500) return { kind: "unavailable", scope: "platform" };
  if (status >= 400) return { kind: notJson(answer), scope: "call" };
  // A refusal inside a good status, with a code that no row knows: what it did is not known either.
  return { kind: "unavailable", scope: "platform" };
}

function describe(facts: ErrorFacts, status: number): string {
  const words = facts.text
    ?.trim()
    .replaceAll(/\s+/g, " ")
    .replace(/[.。]+$/, "")
    .slice(0, 300);
  const code =
    facts.code === undefined || String(facts.code) === "" ? undefined : String(facts.code);
  const what = words === undefined || words === "" ? "the platform said no" : words;
  return `${what} (${[code, `HTTP ${status}`].filter((part) => part !== undefined).join(", ")})`;
}

/** A cause without secrets and without references to the request. */
function plainCause(cause: unknown, redact: Redactor): Error {
  if (PlatformError.is(cause)) return cause;
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const inner =
    cause instanceof Error && cause.cause instanceof Error ? ` (${cause.cause.message})` : "";
  return new Error(redact(text + inner));
}
