import type { Clock, Secret } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { Place } from "./abort.ts";
import { abortedError } from "./abort.ts";
import { runWithDeadline } from "./deadline.ts";
import type { ErrorFacts, ErrorTable } from "./error-table.ts";
import { matchError } from "./error-table.ts";
import type { CallFacts } from "./http/answer-error.ts";
import { callError, refusalError } from "./http/answer-error.ts";
import { absent } from "./http/judge.ts";
import { networkProblem } from "./http/network.ts";
import { createRedactor } from "./http/redact.ts";

/** How calls through a vendor's own SDK keep the promises that the HTTP client keeps. */
export interface SdkCallsOptions {
  /** The platform's configured name; for messages. */
  readonly platform: string;
  readonly clock: Clock;
  readonly errors: ErrorTable;
  /** What is known of the credentials by now; none of it shows up in a message. @default none */
  readonly secrets?: () => readonly Secret[];
  /** For a whole call. @default 20_000 */
  readonly timeoutMs?: number;
}

/** One call of an SDK. */
export interface SdkCall {
  /** The contract method, such as `createLease`. */
  readonly operation: string;
  /** Would a second one make a second thing? Then an unclear answer is `outcome_unknown`. @default false */
  readonly isWrite?: boolean;
}

type Wait = { readonly signal: AbortSignal };
type Work<T> = (wait: Wait) => Promise<T>;

/** Runs calls of a vendor's SDK, whose own retries must be off. Throws nothing but errors of ours. */
export interface SdkCalls {
  request<T>(call: SdkCall, work: Work<T>, wait: Wait): Promise<T>;
  /** The same, with `undefined` when a row of the error table says `absent`. */
  find<T>(call: SdkCall, work: Work<T>, wait: Wait): Promise<T | undefined>;
}

const usualTimeoutMs = 20_000;

/**
 * Turns whatever an SDK throws into a typed error: by the error table, else by the HTTP status, else as the network
 * problem that it was. Code, words, status and request id are read from where the SDKs of AWS and Alibaba Cloud put them.
 */
export function createSdkCalls(options: SdkCallsOptions): SdkCalls {
  async function run<T>(call: SdkCall, work: Work<T>, { signal }: Wait): Promise<T> {
    const place: Place = { platform: options.platform, operation: call.operation };
    const facts = (): CallFacts => ({
      ...place,
      isWrite: call.isWrite ?? false,
      redact: createRedactor(options.secrets?.() ?? []),
      clock: options.clock,
      requestIdHeaders: [],
    });
    const timeoutMs = options.timeoutMs ?? usualTimeoutMs;
    const open = (why: string): Error =>
      callError(facts(), { kind: "unreachable", scope: "platform", why });
    return runWithDeadline(
      {
        clock: options.clock,
        timeoutMs,
        signal,
        place,
        lateError: () => open(`there was no answer within ${timeoutMs} ms`),
        stoppedError: () =>
          call.isWrite === true
            ? open("it was cancelled on the way")
            : abortedError(place, signal.reason),
      },
      async (limited) => {
        try {
          return await work({ signal: limited });
        } catch (error) {
          throw GpujobError.is(error) ? error : toError(options.errors, facts(), error);
        }
      },
    );
  }

  return {
    request: run,
    async find(call, work, wait) {
      const answer = await run(
        call,
        async (limited) => {
          try {
            return await work(limited);
          } catch (error) {
            if (matchError(options.errors, sdkErrorFacts(error))?.kind !== "absent") throw error;
            return absent;
          }
        },
        wait,
      );
      return answer === absent ? undefined : answer;
    },
  };
}

interface SdkErrorFacts extends ErrorFacts {
  readonly requestId?: string;
  readonly retryAfterMs?: number;
}

function toError(table: ErrorTable, call: CallFacts, error: unknown): Error {
  const facts = sdkErrorFacts(error);
  const row = matchError(table, facts);
  const { status, retryAfterMs } = facts;
  if (status !== undefined) {
    const headers = new Headers(
      retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) },
    );
    return refusalError(call, { status, headers, body: {} }, facts, row);
  }
  const why = facts.text ?? "it failed for no known reason";
  if (row !== undefined && row.kind !== "absent") {
    // Without a status nothing was answered: the SDK itself refused, before it sent anything.
    const { kind, scope, hint } = row;
    const words = { why, ...(hint === undefined ? {} : { hint }) };
    return callError(call, { kind, scope, ...words, facts, cause: error, hadNoEffect: true });
  }
  const problem = networkProblem(error);
  if (problem === undefined)
    return callError(call, { kind: "contract_violation", scope: "call", why, facts, cause: error });
  return callError(call, {
    kind: "unreachable",
    scope: "platform",
    why: `the connection failed (${problem.code})`,
    hadNoEffect: problem.wasNeverSent,
    cause: error,
  });
}

/** What an SDK's error says. */
function sdkErrorFacts(error: unknown): SdkErrorFacts {
  const code = pick(error, "code", "Code", "name");
  const text = pick(error, "message");
  const metadata = field(error, "$metadata");
  const status = pick(metadata, "httpStatusCode") ?? pick(error, "statusCode");
  const requestId = pick(metadata, "requestId") ?? pick(error, "requestId");
  const retryAfterMs = pick(error, "retryAfter");
  return {
    ...(code === undefined ? {} : { code }),
    ...(text === undefined ? {} : { text: String(text) }),
    ...(typeof status === "number" ? { status } : {}),
    ...(requestId === undefined ? {} : { requestId: String(requestId) }),
    ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}),
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** The first of these fields that holds a text or a number. */
function pick(value: unknown, ...names: readonly string[]): string | number | undefined {
  for (const name of names) {
    const found = field(value, name);
    if (typeof found === "string" || typeof found === "number") return found;
  }
  return undefined;
}
