import type { IncomingMessage } from "node:http";
import { MarketError } from "../market/market-api.ts";
import { SpoiledAnswer } from "../market/spoiled-answer.ts";
import type { SpoiledAnswerFault } from "../market/terms.ts";

/** A request that has arrived whole. */
export interface MarketRequest {
  readonly method: string;
  readonly path: string;
  /** `undefined` where there was none. */
  readonly body: unknown;
}

/** One thing that can be asked for; `{id}` in its path stands for a machine. */
export interface Route {
  readonly method: string;
  readonly path: string;
  /** `answer` is JSON. A market's refusal is thrown as `MarketError`. */
  readonly run: (request: MarketRequest, id: string) => Promise<RouteOutcome> | RouteOutcome;
}

/** What is to be answered, and what becomes of it on its way. */
export interface RouteOutcome {
  readonly answer: unknown;
  readonly spoiled?: SpoiledAnswerFault;
}

/** No request of ours is near this size. */
const maximumBodyBytes = 65_536;

/** Reads a request. @throws MarketError `unsupported_request` when it is too large or no JSON. */
export async function readRequest(incoming: IncomingMessage): Promise<MarketRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.length;
    if (size > maximumBodyBytes) throw new MarketError("unsupported_request", "too large");
    chunks.push(chunk);
  }
  const { pathname } = new URL(incoming.url ?? "/", "http://127.0.0.1");
  const text = Buffer.concat(chunks).toString("utf8");
  return { method: incoming.method ?? "GET", path: pathname, body: parse(text) };
}

function parse(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new MarketError("unsupported_request", "the request is no JSON");
  }
}

/** Finds what was asked for and does it. @throws MarketError, also where there is no such thing. */
export async function callRoute(
  routes: readonly Route[],
  request: MarketRequest,
): Promise<RouteOutcome> {
  for (const route of routes) {
    const id = route.method === request.method ? match(route.path, request.path) : undefined;
    if (id !== undefined) return route.run(request, id);
  }
  throw new MarketError("unsupported_request", `no ${request.method} ${request.path} here`);
}

/** The machine in a path, empty where the route names none; `undefined`: another route's path. */
function match(pattern: string, path: string): string | undefined {
  const [before = "", after] = pattern.split("{id}");
  if (after === undefined) return pattern === path ? "" : undefined;
  if (!path.startsWith(before) || !path.endsWith(after)) return undefined;
  const id = path.slice(before.length, path.length - after.length);
  return id === "" || id.includes("/") ? undefined : decodeURIComponent(id);
}

/** Calls the market; an answer that is to be spoiled comes back with what is to become of it. */
export async function callMarket<T>(
  call: Promise<T>,
  toAnswer: (result: T) => unknown,
): Promise<RouteOutcome> {
  try {
    return { answer: toAnswer(await call) };
  } catch (error) {
    if (!(error instanceof SpoiledAnswer)) throw error;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what this call would have answered
    const result = error.result as T | undefined;
    return { answer: tryAnswer(result, toAnswer), spoiled: error.fault };
  }
}

/** A spoiled answer may be one that says no, such as that there is no such machine. */
function tryAnswer<T>(result: T | undefined, toAnswer: (result: T) => unknown): unknown {
  try {
    return result === undefined ? {} : toAnswer(result);
  } catch {
    return {};
  }
}
