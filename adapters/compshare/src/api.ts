import type { HttpAnswer, HttpClient } from "@gpujob/adapter-kit";
import { createHttpClient, omitUndefined, readPages } from "@gpujob/adapter-kit";
import type { AdapterContext, Money } from "@gpujob/spec";
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
  return omitUndefined({ code: data.RetCode, text: data.Message || undefined });
}

/** A value of a form; lists are written out as `Name.0`, `Name.1`. */
type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** One action of the API. */
interface Action<T> {
  /** The contract method that asks. */
  readonly operation: string;
  readonly name: string;
  readonly parameters?: Parameters;
  readonly schema: z.ZodType<T>;
  /** Only a create: it must not be sent twice. @default false */
  readonly isWrite?: boolean;
}

/** Sends an action as a signed form. */
export function act<T>({ client, config }: Parts, action: Action<T>, wait: Wait): Promise<T> {
  const { operation, name, parameters, schema, isWrite = false } = action;
  const form = { Action: name, ProjectId: config.projectId, ...parameters };
  return client.request(
    { operation, method: "POST", path: "/", body: { form }, schema, isWrite },
    wait,
  );
}

/** Every row of a list that is read by offset. */
export function actOnPages<Row>(
  parts: Parts,
  list: Action<{ readonly rows: readonly Row[]; readonly total: number }> & {
    readonly idOf: (row: Row) => string;
  },
  wait: Wait,
): Promise<readonly Row[]> {
  const { idOf, operation, ...action } = list;
  return readPages({
    place: { platform: parts.context.platform, operation },
    idOf,
    readPage: ({ offset }) => {
      const parameters = { ...action.parameters, Limit: 100, Offset: offset };
      return act(parts, { ...action, operation, parameters }, wait);
    },
  });
}

/** Amounts are CNY with a point. */
export function toMoney(amount: number): Money {
  return { currency: "CNY", micros: Math.round(amount * 1e6) };
}
