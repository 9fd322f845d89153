import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { PlatformErrorKind } from "@gpujob/spec";
import { MarketError } from "../market/market-api.ts";
import type { SpoiledAnswerFault } from "../market/terms.ts";
import type { RouteOutcome } from "./routes.ts";

const json = "application/json";
const page = "<html><head><title>502 Bad Gateway</title></head><body>Bad gateway</body></html>";

/** More than any client should read of one answer. */
const hugeBytes = 4 * 1_048_576;

/** Sends an answer, or makes of it on the wire what its fault says. */
export async function sendOutcome(
  response: ServerResponse,
  { answer, spoiled }: RouteOutcome,
  signal: AbortSignal,
): Promise<void> {
  const text = JSON.stringify(answer);
  if (spoiled === undefined) return send(response, 200, json, text);
  switch (spoiled.do) {
    case "lose-reply":
      return void response.destroy();
    case "status":
      return sendStatus(response, spoiled);
    case "junk":
      return sendJunk(response, spoiled.as, text);
    case "break":
      return breakOff(response, text);
    case "trickle":
      return trickle(response, text, spoiled.byMs, signal);
  }
}

/** Says no, as a platform does: a code, a sentence, and a status that fits. */
export function sendRefusal(response: ServerResponse, error: unknown): void {
  const known = error instanceof MarketError ? error : undefined;
  const code = known?.code ?? "unavailable";
  const message = known?.message ?? "the market has a fault of its own";
  const headers = retryAfter(known?.retryAfterMs, "seconds");
  send(response, statuses[code], json, JSON.stringify({ error: { code, message } }), headers);
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  // Whoever asked may have gone.
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": type, ...headers });
  response.end(text);
}

function sendStatus(
  response: ServerResponse,
  fault: Extract<SpoiledAnswerFault, { readonly do: "status" }>,
): void {
  const { status, body, retryAfterMs, retryAfterAs } = fault;
  const headers = retryAfter(retryAfterMs, retryAfterAs);
  if (body === "html") return send(response, status, "text/html", page, headers);
  if (body === "empty") return send(response, status, json, "", headers);
  send(response, status, json, JSON.stringify({ message: "an injected fault" }), headers);
}

function retryAfter(
  ms: number | undefined,
  as: "seconds" | "date",
): Readonly<Record<string, string>> {
  if (ms === undefined) return {};
  const seconds = Math.ceil(ms / 1000);
  // A date has whole seconds: the next one, so that it never asks for less.
  const date = new Date(Math.ceil(Date.now() / 1000) * 1000 + seconds * 1000).toUTCString();
  return { "retry-after": as === "seconds" ? String(seconds) : date };
}

function sendJunk(
  response: ServerResponse,
  as: Extract<SpoiledAnswerFault, { readonly do: "junk" }>["as"],
  text: string,
): void {
  switch (as) {
    case "html":
      return send(response, 200, "text/html", page);
    case "empty":
      return send(response, 200, json, "");
    case "cut":
      return send(response, 200, json, text.slice(0, text.length / 2));
    case "wrong-type":
      return send(response, 200, json, JSON.stringify({ machine: 7, machines: "none", offers: 0 }));
    case "huge":
      return send(response, 200, json, `{"padding":"${"x".repeat(hugeBytes)}"}`);
    case "refusal": {
      const error = { code: "unavailable", message: "an injected fault" };
      return send(response, 200, json, JSON.stringify({ error }));
    }
  }
}

/** Announces the whole answer, sends half of it, and is gone. */
function breakOff(response: ServerResponse, text: string): void {
  if (response.destroyed) return;
  response.writeHead(200, { "content-type": json, "content-length": String(text.length) });
  response.write(text.slice(0, text.length / 2), () => void response.destroy());
}

async function trickle(
  response: ServerResponse,
  text: string,
  byMs: number,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { "content-type": json });
  const bytes = Buffer.from(text);
  const pieces = Math.max(1, Math.min(bytes.length, Math.floor(byMs / 100)));
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length && !response.destroyed; at += size) {
    response.write(bytes.subarray(at, at + size));
    await sleep(byMs / pieces, undefined, { signal });
  }
  response.end();
}

const statuses = {
  rate_limited: 429,
  unavailable: 503,
  no_capacity: 409,
  quota_exceeded: 403,
  insufficient_funds: 402,
  unauthorized: 401,
  forbidden: 403,
  not_verified: 403,
  price_changed: 409,
  unsupported_request: 422,
  outcome_unknown: 504,
  lease_failed: 409,
  unreachable: 502,
  interrupted: 409,
  release_failed: 409,
  aborted: 499,
  contract_violation: 500,
  TokenMismatch: 409,
  NoSuchOffer: 422,
  NoSuchMachine: 404,
} as const satisfies Record<PlatformErrorKind | MarketError["code"], number>;
