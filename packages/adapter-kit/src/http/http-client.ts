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

/** A platform's secrets by name, such as `token`, or `accessKey` and `secretKey`. */
export type Credentials = Readonly<Record<string, Secret>>;

/** What a client of one platform's API is made from. */
export interface HttpClientOptions<C extends Credentials = Credentials> {
  /** The platform's configured name; for messages. */
  readonly platform: string;
  /** Base address, such as `https://api.example.com/v1`. */
  readonly endpoint: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /**
   * Finds the secrets; asked at the first request, and again after the platform refused them. None of them ever shows up
   * in a message. @default none
   */
  readonly credentials?: () => Promise<C>;
  /** Sent with every request; secret values are revealed on the way out only. */
  readonly headers?: (credentials: C) => Readonly<Record<string, string | Secret>>;
  /** Signs each request just before it goes out. */
  readonly sign?: (
    request: OutgoingRequest,
    credentials: C,
  ) => OutgoingRequest | Promise<OutgoingRequest>;
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

const usualIdHeaders = ["x-request-id", "request-id", "x-amzn-requestid"];

/** A client that turns everything that can go wrong into a typed error. See `HttpRequest.isWrite` for creates. */
export function createHttpClient<C extends Credentials = Credentials>(
  options: HttpClientOptions<C>,
): HttpClient {
  const credentials = remembered(options.credentials);

  async function call<T>(request: HttpRequest<T>, { signal }: Wait): Promise<T | typeof absent> {
    const place = { platform: options.platform, operation: request.operation };
    throwIfAborted(signal, place);
    const method = request.method ?? "GET";
    const secrets = await credentials.read();
    const facts: CallFacts = {
      ...place,
      isWrite: request.isWrite ?? method !== "GET",
      redact: createRedactor([
        ...Object.values(secrets ?? {}),
        ...Object.values(request.headers ?? {}).filter(isSecret),
      ]),
      clock: options.clock,
      requestIdHeaders: options.requestIdHeaders ?? usualIdHeaders,
    };
    if (method === "GET" && request.body !== undefined) {
      const why = "a GET request cannot carry a body";
      throw callError(facts, { kind: "unsupported_request", scope: "call", why });
    }
    const compose = (url?: URL) => prepare(options, facts, request, secrets, url);
    const outgoing = await compose();
    // The caller may have gone while the request was being signed.
    throwIfAborted(signal, place);
    const answer = await exchange(options, facts, { request, outgoing, compose, signal });
    return judge(options, facts, request, answer);
  }

  async function guarded<T>(request: HttpRequest<T>, wait: Wait): Promise<T | typeof absent> {
    try {
      return await call(request, wait);
    } catch (error) {
      if (PlatformError.is(error) && error.kind === "unauthorized") credentials.forget();
      throw error;
    }
  }

  return {
    async request(request, wait) {
      const result = await guarded(request, wait);
      if (result !== absent) return result;
      throw new PlatformError(
        "unsupported_request",
        `${options.platform}: ${request.operation} failed: what it is about does not exist.`,
        { platform: options.platform, operation: request.operation },
      );
    },
    async find(request, wait) {
      const result = await guarded(request, wait);
      return result === absent ? undefined : result;
    },
  };
}

function isSecret(value: string | Secret): value is Secret {
  return typeof value !== "string";
}

/** Looks secrets up once, because a lookup may run a command; a failed lookup is not remembered. */
function remembered<C>(look: (() => Promise<C>) | undefined): {
  readonly read: () => Promise<C | undefined>;
  readonly forget: () => void;
} {
  let looking: Promise<C> | undefined;
  return {
    async read() {
      if (look === undefined) return undefined;
      looking ??= look();
      try {
        return await looking;
      } catch (error) {
        looking = undefined;
        throw error;
      }
    },
    forget: () => void (looking = undefined),
  };
}

async function prepare<C extends Credentials>(
  options: HttpClientOptions<C>,
  call: CallFacts,
  request: HttpRequest<unknown>,
  secrets: C | undefined,
  url: URL | undefined,
): Promise<OutgoingRequest> {
  try {
    const headers = secrets === undefined ? undefined : options.headers?.(secrets);
    const composed = composeRequest(options.endpoint, headers ?? {}, request);
    const plain = url === undefined ? composed : { ...composed, url };
    return (secrets === undefined ? undefined : await options.sign?.(plain, secrets)) ?? plain;
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
