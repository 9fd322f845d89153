import type { Secret } from "@gpujob/spec";
import type { z } from "zod";

type Plain = string | number | boolean;

/** Names with their values; what is `undefined` is left out, and a list repeats its name. */
export type Parameters = Readonly<Record<string, Plain | readonly Plain[] | undefined>>;

/** What is sent along with a request that is not a GET. */
export type RequestBody =
  | { readonly json: unknown }
  | { readonly form: Parameters }
  | { readonly text: string; readonly contentType: string };

/** A request as it goes out; signing may change any of it. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One call of a platform's API. */
export interface HttpRequest<T> {
  /** The contract method that needs it, such as `createLease`; for messages. */
  readonly operation: string;
  /** @default "GET" */
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Put behind the endpoint; begins with `/`. */
  readonly path: string;
  readonly query?: Parameters;
  readonly headers?: Readonly<Record<string, string | Secret>>;
  /** Not with GET. */
  readonly body?: RequestBody;
  /** What a good answer looks like; lenient, only the fields that are read. An empty body arrives as `undefined`. */
  readonly schema: z.ZodType<T>;
  /**
   * Would doing it twice do harm? Then every unclear answer is `outcome_unknown`. Say `false` for a POST that only
   * reads, and `true` for a GET that creates. @default true for every method but GET
   */
  readonly isWrite?: boolean;
  /** For the whole call, body included. @default the client's */
  readonly timeoutMs?: number;
}

/** Parameters as name and value pairs, in the order in which they were given. */
function toPairs(parameters: Parameters): [string, string][] {
  return Object.entries(parameters).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const values: readonly Plain[] = typeof value === "object" ? value : [value];
    return values.map((one): [string, string] => [name, String(one)]);
  });
}

/** The request as it would go out unsigned. */
export function composeRequest(
  endpoint: string,
  usual: Readonly<Record<string, string | Secret>>,
  request: HttpRequest<unknown>,
): OutgoingRequest {
  const url = new URL(endpoint.replace(/\/+$/, "") + request.path);
  for (const [name, value] of toPairs(request.query ?? {})) url.searchParams.append(name, value);
  const body = encodeBody(request.body);
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = body.contentType;
  for (const [name, value] of Object.entries({ ...usual, ...request.headers })) {
    headers[name.toLowerCase()] = typeof value === "string" ? value : value.reveal();
  }
  return {
    method: request.method ?? "GET",
    url,
    headers,
    ...(body === undefined ? {} : { body: body.text }),
  };
}

function encodeBody(
  body: RequestBody | undefined,
): { readonly text: string; readonly contentType: string } | undefined {
  if (body === undefined) return undefined;
  if ("json" in body) {
    return { text: JSON.stringify(body.json), contentType: "application/json" };
  }
  if ("form" in body) {
    const text = new URLSearchParams(toPairs(body.form)).toString();
    return { text, contentType: "application/x-www-form-urlencoded" };
  }
  return body;
}
