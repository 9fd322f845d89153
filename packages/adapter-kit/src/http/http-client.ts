import type { Clock, Secret } from "@gpujob/spec";
import { GpujobError, PlatformError } from "@gpujob/spec";
import { throwIfAborted } from "../abort.ts";
import type { ErrorFacts, ErrorTable } from "../error-table.ts";
import type { CallFacts, HttpAnswer } from "./answer-error.ts";
import { callError } from "./answer-error.ts";
import { exchange } from "./exchange.ts";
import { absent, judge } from "./judge.ts";
import { createRedactor } from "./redact.ts";
import type { HttpRequest, OutgoingRequest } from "./request.ts";
import { composeRequest } from "./request.ts";

/** What a client of one platform's API is made from. */
export interface HttpClientOptions {
  /** The platform's configured name; for messages. */
  readonly platform: string;
  /** Base address, such as `https://api.example.com/v1`. */
  readonly endpoint: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** Sent with every request. Secret values are revealed on the way out only, and taken out of every message. */
  readonly headers?: Readonly<Record<string, string | Secret>>;
  /** More secrets that must never show up in a message, such as a signing key. */
  readonly secrets?: readonly Secret[];
  /** Signs each request just before it goes out. */
  readonly sign?: (request: OutgoingRequest) => OutgoingRequest | Promise<OutgoingRequest>;
  /** The platform's known errors. */
  readonly errors?: ErrorTable;
  /**
   * Finds the refusal in an answer, also in one with a good status; `undefined`: it is a good answer.
   *
   * @default status 400 and above, with the usual names for code and text
   */
  readonly readFailure?: (
    answer: HttpAnswer,
  ) => (ErrorFacts & { readonly requestId?: string }) | undefined;
  /** For a whole call. @default 20_000 */
  readonly timeoutMs?: number;
  /** @default 1_048_576 */
  readonly maximumBodyBytes?: number;
  /** Where answers carry their id. @default `x-request-id`, `request-id`, `x-amzn-requestid` */
  readonly requestIdHeaders?: readonly string[];
}

type Wait = { readonly signal: AbortSignal };

/** JSON over HTTP for one platform. It never retries, and throws nothing but `PlatformError`. */
export interface HttpClient {
  /** Sends a request and gives back the checked answer. */
  request<T>(request: HttpRequest<T>, wait: Wait): Promise<T>;
  /**
   * The same, with `undefined` when a row of the error table says `absent`. Nothing else does: a mistyped endpoint
   * answers 404 too, and a machine must not be taken for gone because of it.
   */
  find<T>(request: HttpRequest<T>, wait: Wait): Promise<T | undefined>;
}

/** A client that turns everything that can go wrong into a typed error. See `HttpRequest.isWrite` for creates. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const headerSecrets = Object.values(options.headers ?? {}).filter(isSecret);
  const known = [...(options.secrets ?? []), ...headerSecrets];

  async function call<T>(request: HttpRequest<T>, { signal }: Wait): Promise<T | typeof absent> {
    const secrets = Object.values(request.headers ?? {}).filter(isSecret);
    const facts: CallFacts = {
      platform: options.platform,
      operation: request.operation,
      isWrite: request.isWrite ?? (request.method ?? "GET") !== "GET",
      redact: createRedactor([...known, ...secrets]),
      clock: options.clock,
      requestIdHeaders: options.requestIdHeaders ?? [
        "x-request-id",
        "request-id",
        "x-amzn-requestid",
      ],
    };
    throwIfAborted(signal, facts);
    if ((request.method ?? "GET") === "GET" && request.body !== undefined) {
      const why = "a GET request cannot carry a body";
      throw callError(facts, { kind: "unsupported_request", scope: "call", why });
    }
    const outgoing = await prepare(options, facts, request);
    // A client may be told to stop while the request was being signed.
    throwIfAborted(signal, facts);
    const answer = await exchange(options, facts, request, outgoing, signal);
    return judge(options, facts, request, answer);
  }

  return {
    async request(request, wait) {
      const result = await call(request, wait);
      if (result !== absent) return result;
      throw new PlatformError(
        "unsupported_request",
        `${options.platform}: ${request.operation} failed: what it is about does not exist.`,
        { platform: options.platform, operation: request.operation },
      );
    },
    async find(request, wait) {
      const result = await call(request, wait);
      return result === absent ? undefined : result;
    },
  };
}

function isSecret(value: string | Secret): value is Secret {
  return typeof value !== "string";
}

async function prepare(
  options: HttpClientOptions,
  call: CallFacts,
  request: HttpRequest<unknown>,
): Promise<OutgoingRequest> {
  try {
    const plain = composeRequest(options.endpoint, options.headers ?? {}, request);
    return (await options.sign?.(plain)) ?? plain;
  } catch (cause) {
    if (GpujobError.is(cause)) throw cause;
    const why = "the request could not be put together or signed";
    const hint = "Check the platform's endpoint and credential in the configuration.";
    throw callError(call, {
      kind: "unsupported_request",
      scope: "platform",
      why,
      hint,
      cause,
      hadNoEffect: true,
    });
  }
}
