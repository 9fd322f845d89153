import { abortedError } from "../abort.ts";
import { runWithDeadline } from "../deadline.ts";
import type { CallFacts } from "./answer-error.ts";
import { callError, requestIdOf } from "./answer-error.ts";
import { BodyProblem, readText } from "./body.ts";
import type { HttpClientOptions } from "./http-client.ts";
import { networkProblem } from "./network.ts";
import type { HttpRequest, OutgoingRequest } from "./request.ts";

const maximumRedirects = 3;

/** An answer as it came, with its whole body. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What goes out, and how it is put together again for another address. */
export interface Exchange {
  readonly request: HttpRequest<unknown>;
  readonly outgoing: OutgoingRequest;
  readonly compose: (url: URL) => Promise<OutgoingRequest>;
  readonly signal: AbortSignal;
}

type Transport = Pick<HttpClientOptions, "fetch" | "clock" | "timeoutMs" | "maximumBodyBytes">;

/** Sends, follows redirects on the same host, and reads the body; all within the deadline. */
export async function exchange(
  options: Transport,
  call: CallFacts,
  { request, outgoing, compose, signal }: Exchange,
): Promise<RawAnswer> {
  const timeoutMs = request.timeoutMs ?? options.timeoutMs ?? 20_000;
  let isReadingBody = false;
  const lateError = (): Error =>
    callError(call, {
      kind: isReadingBody ? "contract_violation" : "unreachable",
      scope: "platform",
      why: isReadingBody
        ? `the answer was not complete after ${timeoutMs} ms`
        : `there was no answer within ${timeoutMs} ms`,
    });
  const stoppedError = (): Error =>
    call.isWrite
      ? callError(call, { kind: "unreachable", scope: "call", why: "it was cancelled on the way" })
      : abortedError(call, signal.reason);
  const limits = { clock: options.clock, timeoutMs, signal, place: call, lateError, stoppedError };
  return runWithDeadline(limits, async (limited) => {
    const response = await sendFollowing(options, call, {
      request,
      outgoing,
      compose,
      signal: limited,
    });
    isReadingBody = true;
    try {
      const text = await readText(response, options.maximumBodyBytes ?? 1_048_576);
      return { status: response.status, headers: response.headers, text };
    } catch (cause) {
      const requestId = requestIdOf(call, response.headers);
      throw callError(call, {
        kind: "contract_violation",
        scope: "platform",
        why:
          cause instanceof BodyProblem ? `the answer is ${cause.message}` : "the answer broke off",
        cause,
        ...(requestId === undefined ? {} : { requestId }),
      });
    }
  });
}

async function sendFollowing(
  options: Transport,
  call: CallFacts,
  first: Exchange,
): Promise<Response> {
  let { outgoing } = first;
  for (let hop = 0; hop <= maximumRedirects; hop++) {
    const response = await send(options, call, outgoing, first.signal);
    const target = redirectTarget(response, outgoing.url);
    if (target === undefined) return response;
    await response.body?.cancel();
    // Credentials never follow to another host, and a write is never sent twice.
    if (call.isWrite || outgoing.method !== "GET" || target.origin !== outgoing.url.origin) {
      const why = `the platform sent us on to ${target.origin}, and that is not followed`;
      const hint = "Check the platform's endpoint in the configuration.";
      throw callError(call, { kind: "contract_violation", scope: "platform", why, hint });
    }
    outgoing = await first.compose(target);
  }
  const why = `the platform sent us on more than ${maximumRedirects} times`;
  throw callError(call, { kind: "contract_violation", scope: "platform", why });
}

function redirectTarget(response: Response, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(response.status)) return undefined;
  const location = response.headers.get("location");
  if (location === null || !URL.canParse(location, from.href)) return undefined;
  return new URL(location, from);
}

async function send(
  options: Transport,
  call: CallFacts,
  { method, url, headers, body }: OutgoingRequest,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await options.fetch(url.href, {
      method,
      headers,
      redirect: "manual",
      signal,
      ...(body === undefined ? {} : { body }),
    });
  } catch (cause) {
    const problem = networkProblem(cause);
    const reason = problem === undefined ? "" : ` (${problem.code})`;
    throw callError(call, {
      kind: "unreachable",
      scope: "platform",
      why: `${url.host} could not be reached${reason}`,
      hint: "Check the network, the proxy settings and the platform's endpoint.",
      cause,
      hadNoEffect: problem?.wasNeverSent === true,
    });
  }
}
