import type { PlatformError } from "@gpujob/spec";
import { z } from "zod";
import type { ErrorFacts } from "../error-table.ts";
import { matchError } from "../error-table.ts";
import type { CallFacts, HttpAnswer } from "./answer-error.ts";
import { callError, refusalError, requestIdOf } from "./answer-error.ts";
import { parseBody } from "./body.ts";
import type { RawAnswer } from "./exchange.ts";
import type { HttpClientOptions } from "./http-client.ts";
import type { HttpRequest } from "./request.ts";

/** Says that the thing asked for is not there. */
export const absent = Symbol("absent");

/** The value of a good answer, `absent`, or a throw. */
export function judge<T>(
  options: Pick<HttpClientOptions, "errors" | "readFailure">,
  call: CallFacts,
  request: HttpRequest<T>,
  raw: RawAnswer,
): T | typeof absent {
  const { status, headers } = raw;
  const isBad = status >= 400;
  let body: unknown;
  try {
    body = parseBody(raw.text);
  } catch (cause) {
    // An error page is a refusal; where JSON had to come it is not.
    if (!isBad) throw violation(call, headers, cause instanceof Error ? cause.message : "", cause);
    body = raw.text;
  }
  const answer: HttpAnswer = { status, headers, body };
  const failure = readFailure(options, call, answer) ?? (isBad ? { status } : undefined);
  if (failure !== undefined) {
    const facts = { ...failure, status };
    const row = matchError(options.errors ?? [], facts);
    // A gateway's page is no word of the platform on whether something is there.
    if (row?.kind === "absent" && typeof body !== "string") return absent;
    throw refusalError(call, answer, facts, row);
  }
  const parsed = request.schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const what = body === undefined ? "empty" : `not as expected: ${z.prettifyError(parsed.error)}`;
  throw violation(call, headers, what.replaceAll(/\s+/g, " ").slice(0, 300));
}

type Refusal = ErrorFacts & { readonly requestId?: string };

function readFailure(
  options: Pick<HttpClientOptions, "readFailure">,
  call: CallFacts,
  answer: HttpAnswer,
): Refusal | undefined {
  // A page that a gateway made has nothing that the adapter could read.
  if (typeof answer.body === "string") return undefined;
  try {
    return (options.readFailure ?? usualFailure)(answer);
  } catch (cause) {
    throw violation(call, answer.headers, "not as expected", cause);
  }
}

function violation(
  call: CallFacts,
  headers: Headers,
  what: string,
  cause?: unknown,
): PlatformError {
  const requestId = requestIdOf(call, headers);
  return callError(call, {
    kind: "contract_violation",
    scope: "platform",
    why: `the answer is ${what}`,
    ...(requestId === undefined ? {} : { requestId }),
    ...(cause === undefined ? {} : { cause }),
  });
}

const text = z.union([z.string(), z.number()]);
const usualShape = z.looseObject({
  code: text.optional(),
  error: z
    .union([text, z.looseObject({ code: text.optional(), message: z.string().optional() })])
    .optional(),
  message: z.string().optional(),
  msg: z.string().optional(),
  detail: z.string().optional(),
});

/** Code and words where most APIs put them. */
function usualFailure({ status, body }: HttpAnswer): ErrorFacts | undefined {
  if (status < 400) return undefined;
  const { success, data } = usualShape.safeParse(body);
  if (!success) return { status };
  const { error } = data;
  const inner =
    typeof error === "object"
      ? error
      : { message: error === undefined ? undefined : String(error) };
  const code = data.code ?? ("code" in inner ? inner.code : undefined);
  const words = data.message ?? data.msg ?? data.detail ?? inner.message;
  return {
    status,
    ...(code === undefined ? {} : { code }),
    ...(words === undefined ? {} : { text: words }),
  };
}
