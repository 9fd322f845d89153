import type { HttpAnswer, HttpClient } from "@gpujob/adapter-kit";
import { createHttpClient } from "@gpujob/adapter-kit";
import type { AdapterContext, Money } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { z } from "zod";
import type { CompshareConfig } from "./config.ts";
import { compshareErrors } from "./errors.ts";
import type { CompshareKeys } from "./sign.ts";
import { signRequest } from "./sign.ts";

export type Wait = { readonly signal: AbortSignal };

/** What every part of the adapter works with. */
export interface Parts {
  readonly client: HttpClient;
  readonly config: CompshareConfig;
  readonly context: AdapterContext;
}

export function createCompshareClient(
  config: CompshareConfig,
  context: AdapterContext,
): HttpClient {
  return createHttpClient<CompshareKeys>({
    platform: context.platform,
    endpoint: config.endpoint,
    fetch: context.fetch,
    clock: context.clock,
    credentials: async () => ({
      publicKey: await context.resolveSecret(config.publicKey),
      privateKey: await context.resolveSecret(config.privateKey),
    }),
    sign: signRequest,
    errors: compshareErrors,
    readFailure,
  });
}

const envelopeSchema = z.looseObject({ RetCode: z.int(), Message: z.string().nullish() });

/** Every answer is HTTP 200; `RetCode` 0 is the good one. */
function readFailure({ body }: HttpAnswer) {
  const { success, data } = envelopeSchema.safeParse(body);
  if (!success || data.RetCode === 0) return undefined;
  return { code: data.RetCode, ...(data.Message ? { text: data.Message } : {}) };
}

/** A value of a form; lists are written out as `Name.0`, `Name.1`. */
type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** One action of the API, as a signed form. Only a create is a write that must not be sent twice. */
export function act<T>(
  { client, config }: Parts,
  action: {
    readonly operation: string;
    readonly name: string;
    readonly parameters: Parameters;
    readonly schema: z.ZodType<T>;
    readonly isWrite?: boolean;
  },
  wait: Wait,
): Promise<T> {
  const { operation, name, parameters, schema, isWrite = false } = action;
  const project = config.projectId === undefined ? {} : { ProjectId: config.projectId };
  const form = { Action: name, ...project, ...parameters };
  return client.request(
    { operation, method: "POST", path: "/", body: { form }, schema, isWrite },
    wait,
  );
}

/** Amounts are CNY with a point. */
export function toMoney(amount: number): Money {
  return { currency: "CNY", micros: Math.round(amount * 1e6) };
}

const readTries = 3;

/**
 * Every row of a list that is read by offset. Half a list would hide machines that bill: one that shows the same rows
 * again, or ends early, throws `contract_violation`; one that changes while it is read is read again.
 */
export async function readAll<Row>(
  platform: string,
  operation: string,
  idOf: (row: Row) => string,
  readPage: (offset: number) => Promise<{ readonly rows: readonly Row[]; readonly total: number }>,
): Promise<readonly Row[]> {
  for (let left = readTries; left > 0; left--) {
    const rows = await readOnce(platform, operation, idOf, readPage);
    if (rows !== undefined) return rows;
  }
  const message = `${platform}: ${operation} failed: the list changes faster than it can be read.`;
  throw new PlatformError("unavailable", message, { platform, operation, scope: "platform" });
}

async function readOnce<Row>(
  platform: string,
  operation: string,
  idOf: (row: Row) => string,
  readPage: (offset: number) => Promise<{ readonly rows: readonly Row[]; readonly total: number }>,
): Promise<readonly Row[] | undefined> {
  const found = new Map<string, Row>();
  let total: number | undefined;
  for (let offset = 0; ;) {
    const page = await readPage(offset);
    if (total !== undefined && page.total !== total) return undefined;
    total = page.total;
    const before = found.size;
    for (const row of page.rows) found.set(idOf(row), row);
    offset += page.rows.length;
    if (found.size >= total) return [...found.values()];
    if (found.size > before) continue;
    const message = `${platform}: ${operation} failed: the list is not complete (${found.size} of ${total}).`;
    throw new PlatformError("contract_violation", message, {
      platform,
      operation,
      scope: "platform",
    });
  }
}
