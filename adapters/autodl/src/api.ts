import type { HttpAnswer, HttpClient, HttpRequest } from "@gpujob/adapter-kit";
import { createHttpClient, omitUndefined, readPages } from "@gpujob/adapter-kit";
import type { AdapterContext, Currency, Money } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { z } from "zod";
import type { AutodlConfig, Site } from "./config.ts";
import { autodlErrors } from "./errors.ts";
import type { Parts, Wait } from "./product.ts";

export function createAutodlClient(
  config: AutodlConfig,
  site: Site,
  context: AdapterContext,
): HttpClient {
  return createHttpClient({
    platform: context.platform,
    endpoint: `${site.endpoint}/api/v1/dev`,
    fetch: context.fetch,
    clock: context.clock,
    credentials: async () => ({ token: await context.resolveSecret(config.token) }),
    // The bare token, without "Bearer" — https://www.autodl.com/docs/common_api (2026-09)
    headers: ({ token }) => ({ authorization: token.reveal() }),
    errors: autodlErrors,
    readFailure,
  });
}

const envelopeSchema = z.looseObject({
  code: z.string(),
  msg: z.string().nullish(),
  request_id: z.string().nullish(),
});

/** The platform says no inside HTTP 200; only the code `Success` is a good answer. */
function readFailure({ status, body }: HttpAnswer) {
  const { success, data } = envelopeSchema.safeParse(body);
  if (!success || (status < 400 && data.code === "Success")) return undefined;
  const { code, msg, request_id: requestId } = data;
  return omitUndefined({ code, text: msg ?? undefined, requestId: requestId ?? undefined });
}

/** One call: with a `query` a GET, which must have no body, else a POST. */
interface Call<T> {
  readonly operation: string;
  readonly path: string;
  readonly method?: "DELETE";
  readonly query?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** What stands under `data` in the answer. */
  readonly data: z.ZodType<T>;
  /** Only a create: it must not be sent twice. */
  readonly isWrite?: boolean;
}

function toRequest<T>({ data, json, isWrite = false, ...rest }: Call<T>): HttpRequest<T> {
  return {
    method: rest.query === undefined ? "POST" : "GET",
    ...rest,
    ...(json === undefined ? {} : { body: { json } }),
    schema: z.object({ code: z.literal("Success"), data }).transform((answer) => answer.data),
    isWrite,
  };
}

export function call<T>({ client }: Parts, request: Call<T>, wait: Wait): Promise<T> {
  return client.request(toRequest(request), wait);
}

/** `undefined`: the platform says that there is no such machine. */
export function find<T>({ client }: Parts, request: Call<T>, wait: Wait): Promise<T | undefined> {
  return client.find(toRequest(request), wait);
}

/** Of a step that does not fit the machine's state; the platform has no code of its own for that. */
export function isStateConflict(error: unknown): boolean {
  if (!PlatformError.is(error) || error.kind === "not_verified") return false;
  return error.failure.platformCode === "BadRequest";
}

/** Amounts are whole thousandths: a fraction means that the unit has changed, and is refused. */
export const thousandths = z.int().nonnegative();

/** An hourly price; zero and absent mean that it is not told yet. */
export function toPrice(currency: Currency, amount: number | null | undefined): Money | undefined {
  return amount ? { currency, micros: amount * 1000 } : undefined;
}

const timeText = z.string().transform((text, issues) => {
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  issues.addIssue({ code: "custom", message: `${text} is no time` });
  return z.NEVER;
});

/** A time as ISO-8601 UTC, or `undefined` while it has not come; of Go's `{ Time, Valid }` or a plain text. */
export const nullableTime = z
  .union([
    z.object({ Time: z.string(), Valid: z.literal(false) }).transform(() => undefined),
    z.object({ Time: timeText, Valid: z.literal(true) }).transform(({ Time }) => Time),
    timeText,
  ])
  .nullish()
  .transform((time) => time ?? undefined);

/** Every row of a paged list. */
export function readList<Row extends { readonly id: string }>(
  parts: Parts,
  list: {
    readonly operation: string;
    readonly path: string;
    readonly filter?: Readonly<Record<string, unknown>>;
    readonly row: z.ZodType<Row>;
  },
  wait: Wait,
): Promise<readonly Row[]> {
  const { operation, path, filter, row } = list;
  const data = z.object({
    // An empty list may come as null.
    list: z.array(row).nullable(),
    max_page: z.int().nonnegative(),
    result_total: z.int().nonnegative(),
  });
  return readPages({
    place: { platform: parts.context.platform, operation },
    idOf: ({ id }) => id,
    readPage: async ({ page }) => {
      const json = { ...filter, page_index: page, page_size: 100 };
      const answer = await call(parts, { operation, path, json, data }, wait);
      const { list: rows, result_total: total, max_page: last } = answer;
      return { rows: rows ?? [], total, isLast: page >= last };
    },
  });
}

const walletSchema = z.object({
  assets: z.int(),
  blocked_asset: z.int().nullish(),
  voucher_balance: z.int().nullish(),
});

/** What can be spent: the balance without what is frozen, with vouchers; zero when in arrears. */
export async function readBalance(parts: Parts, wait: Wait): Promise<Money> {
  const request = { operation: "getBalance", path: "/wallet/balance", data: walletSchema };
  const wallet = await call(parts, request, wait);
  const amount = wallet.assets - (wallet.blocked_asset ?? 0) + (wallet.voucher_balance ?? 0);
  return { currency: parts.site.currency, micros: Math.max(0, amount) * 1000 };
}

// Each answer has one card: [{ "RTX 4090": { idle_gpu_num: 3, total_gpu_num: 8 } }, …]
const cardSchema = z.object({
  idle_gpu_num: z.int().nonnegative(),
  total_gpu_num: z.int().nonnegative(),
});
const stockSchema = z.array(z.record(z.string(), cardSchema)).nullable();

/** Idle cards by the platform's name of the card. */
export type Stock = ReadonlyMap<string, number>;

/** What a region has idle. */
export async function readStock(
  parts: Parts,
  operation: string,
  region: string,
  wait: Wait,
): Promise<Stock> {
  const path = "/machine/region/gpu_stock";
  const json = { region_sign: region };
  const cards = await call(parts, { operation, path, json, data: stockSchema }, wait);
  const entries = (cards ?? []).flatMap((card) => Object.entries(card));
  return new Map(entries.map(([name, { idle_gpu_num }]) => [name, idle_gpu_num]));
}
