import type { Classification, FailureScope, Platform, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { isAborted } from "./abort.ts";
import { networkProblem } from "./http/network.ts";

/** What a platform says when it refuses. */
export interface ErrorFacts {
  /** The platform's own code. */
  readonly code?: string | number;
  /** Its words. */
  readonly text?: string;
  /** HTTP status. */
  readonly status?: number;
}

/** One known error of a platform. Everything that the row names must match. */
export interface ErrorRow {
  /** The platform's code, or a pattern for a family of codes; an exact code stands before a pattern. */
  readonly code?: string | number | RegExp;
  readonly text?: RegExp;
  readonly status?: number;
  /** `absent`: the thing that was asked for is not there. */
  readonly kind: PlatformErrorKind | "absent";
  readonly scope: FailureScope;
  /** What the user can do. */
  readonly hint?: string;
  /** Name of a fixture with a real answer that this row is for. */
  readonly example: string;
}

export type ErrorTable = readonly ErrorRow[];

/**
 * Rows for codes that mean the same, for platforms with dozens of them. The example of each is the code itself: their
 * fixtures stand in one list.
 */
export function errorRows(
  meaning: Pick<ErrorRow, "kind" | "scope" | "hint">,
  ...codes: readonly string[]
): ErrorTable {
  return codes.map((code) => ({ ...meaning, code, example: code }));
}

/**
 * The row for an error: by code and text together, else by code, else by text, else by status. Between equals the first
 * row counts. `undefined`: the error is not known.
 */
export function matchError(table: ErrorTable, facts: ErrorFacts): ErrorRow | undefined {
  let best: ErrorRow | undefined;
  for (const row of table) {
    if (!matches(row, facts)) continue;
    if (best === undefined || weight(row) > weight(best)) best = row;
  }
  return best;
}

function matches(row: ErrorRow, facts: ErrorFacts): boolean {
  const hasCriterion = row.code !== undefined || row.text !== undefined || row.status !== undefined;
  return (
    hasCriterion &&
    (row.code === undefined || isCode(row.code, String(facts.code ?? ""))) &&
    (row.text === undefined || tests(row.text, facts.text ?? "")) &&
    (row.status === undefined || row.status === facts.status)
  );
}

function isCode(wanted: string | number | RegExp, code: string): boolean {
  return wanted instanceof RegExp ? tests(wanted, code) : String(wanted) === code;
}

/** A pattern with a memory of its own would match every second time only. */
function tests(pattern: RegExp, text: string): boolean {
  return new RegExp(pattern, pattern.flags.replaceAll(/[gy]/g, "")).test(text);
}

function weight(row: ErrorRow): number {
  const byCode = row.code instanceof RegExp ? 4 : 8;
  return (
    (row.code === undefined ? 0 : byCode) +
    (row.text === undefined ? 0 : 2) +
    (row.status === undefined ? 0 : 1)
  );
}

/**
 * `classify` for an adapter: its own errors as they say, aborted waits and network troubles as such, an SDK's errors by
 * the table; whatever else is `contract_violation`, because nobody foresaw it.
 */
export function classifyBy(table: ErrorTable): Platform["classify"] {
  return (error) => {
    if (PlatformError.is(error)) return ownClassification(error);
    if (isAborted(error)) return { kind: "aborted", scope: "call" };
    const row = matchError(table, factsOf(error));
    if (row !== undefined && row.kind !== "absent") return { kind: row.kind, scope: row.scope };
    if (networkProblem(error) !== undefined) return { kind: "unreachable", scope: "platform" };
    return {
      kind: row === undefined ? "contract_violation" : "unsupported_request",
      scope: "call",
    };
  };
}

function ownClassification(error: PlatformError): Classification {
  const { kind, scope, retryAfterMs } = error.failure;
  return { kind, scope, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Code and words of an error object, as SDKs carry them. */
function factsOf(error: unknown): ErrorFacts {
  if (typeof error !== "object" || error === null) return { text: String(error) };
  const code: unknown =
    Reflect.get(error, "code") ?? Reflect.get(error, "Code") ?? Reflect.get(error, "name");
  const text: unknown = Reflect.get(error, "message");
  return {
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof text === "string" ? { text } : {}),
  };
}
