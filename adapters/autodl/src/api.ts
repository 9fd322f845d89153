import type { HttpAnswer, HttpClient } from "@gpujob/adapter-kit";
import { createHttpClient } from "@gpujob/adapter-kit";
import type { AdapterContext, Currency, Money } from "@gpujob/spec";
import { parseSshTarget, PlatformError } from "@gpujob/spec";
import { z } from "zod";
import type { AutodlConfig, Site } from "./config.ts";
import { autodlErrors } from "./errors.ts";

export type Wait = { readonly signal: AbortSignal };

/** What every part of the adapter works with. */
export interface Parts {
  readonly client: HttpClient;
  readonly config: AutodlConfig;
  readonly site: Site;
  readonly context: AdapterContext;
}

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
  if (!success) return undefined;
  if (status < 400 && data.code === "Success") return undefined;
  return {
    code: data.code,
    ...(typeof data.msg === "string" ? { text: data.msg } : {}),
    ...(typeof data.request_id === "string" ? { requestId: data.request_id } : {}),
  };
}

/** The schema of an answer whose `data` is this. */
export function dataOf<T>(data: z.ZodType<T>) {
  return z.object({ code: z.literal("Success"), data }).transform((answer) => answer.data);
}

/** Amounts are whole thousandths: a fraction means that the unit has changed, and is refused. */
export const thousandths = z.int().nonnegative();

/** A thousandth of a unit is 1000 millionths. */
function toMoney(currency: Currency, amount: number): Money {
  return { currency, micros: amount * 1000 };
}

/** An hourly price; zero and absent mean that it is not told yet. */
export function toPrice(currency: Currency, amount: number | null | undefined): Money | undefined {
  return amount === null || amount === undefined || amount === 0
    ? undefined
    : toMoney(currency, amount);
}

// Go's nullable time: `{ Time, Valid }`; some fields are plain texts.
const timeText = z.string().transform((text, issues) => {
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  issues.addIssue({ code: "custom", message: `${text} is no time` });
  return z.NEVER;
});

/** A time as ISO-8601 UTC, or `undefined` while it has not come. */
export const nullableTime = z
  .union([
    z.object({ Time: z.string(), Valid: z.literal(false) }).transform(() => undefined),
    z.object({ Time: timeText, Valid: z.literal(true) }).transform(({ Time }) => Time),
    timeText,
  ])
  .nullish()
  .transform((time) => time ?? undefined);

/** A login command such as `ssh -p 34222 root@connect.example.com`; empty while there is none. */
export const sshCommand = z
  .string()
  .nullish()
  .transform((text, issues) => {
    if (text === null || text === undefined || text === "") return undefined;
    try {
      return parseSshTarget(text);
    } catch {
      issues.addIssue({ code: "custom", message: `"${text}" is no login command` });
      return z.NEVER;
    }
  });

const pageSize = 100;
const readTries = 3;

/** A paged list of the platform. */
interface PagedList<Row> {
  readonly operation: string;
  readonly path: string;
  readonly filter?: Readonly<Record<string, unknown>>;
  readonly row: z.ZodType<Row>;
  readonly idOf: (row: Row) => string;
}

/**
 * Every row of a paged list. Half a list would hide machines that bill: one that ends early, or shows the same page
 * again, throws `contract_violation`; one that changes while it is read is read again.
 */
export async function readPages<Row>(
  parts: Parts,
  list: PagedList<Row>,
  wait: Wait,
): Promise<readonly Row[]> {
  for (let left = readTries; left > 0; left--) {
    const rows = await readOnce(parts, list, wait);
    if (rows !== undefined) return rows;
  }
  const { platform } = parts.context;
  const { operation } = list;
  const message = `${platform}: ${operation} failed: the list changes faster than it can be read.`;
  throw new PlatformError("unavailable", message, { platform, operation, scope: "platform" });
}

/** `undefined`: the list became longer or shorter on the way, so that a row may have slipped past. */
async function readOnce<Row>(
  parts: Parts,
  list: PagedList<Row>,
  wait: Wait,
): Promise<readonly Row[] | undefined> {
  const { operation } = list;
  const { platform } = parts.context;
  const rows = new Map<string, Row>();
  let total: number | undefined;
  for (let page = 1; ; page++) {
    const answer = await readPage(parts, list, page, wait);
    if (total !== undefined && answer.result_total !== total) return undefined;
    total = answer.result_total;
    const before = rows.size;
    for (const row of answer.list ?? []) rows.set(list.idOf(row), row);
    if (page >= answer.max_page) {
      if (rows.size >= total) return [...rows.values()];
      throw brokenList(platform, operation, `${rows.size} of ${total}`);
    }
    if (rows.size === before) {
      throw brokenList(platform, operation, `page ${page} brought nothing new`);
    }
  }
}

function readPage<Row>({ client }: Parts, list: PagedList<Row>, page: number, wait: Wait) {
  const schema = dataOf(
    z.object({
      // An empty list may come as null.
      list: z.array(list.row).nullable(),
      max_page: z.int().nonnegative(),
      result_total: z.int().nonnegative(),
    }),
  );
  return client.request(
    {
      operation: list.operation,
      method: "POST",
      path: list.path,
      body: { json: { ...list.filter, page_index: page, page_size: pageSize } },
      schema,
      isWrite: false,
    },
    wait,
  );
}

function brokenList(platform: string, operation: string, what: string): PlatformError {
  return new PlatformError(
    "contract_violation",
    `${platform}: ${operation} failed: the list is not complete (${what}).`,
    { platform, operation, scope: "platform" },
  );
}

const walletSchema = dataOf(
  z.object({
    assets: z.int(),
    blocked_asset: z.int().nullish(),
    voucher_balance: z.int().nullish(),
  }),
);

/** What can be spent: the balance without what is frozen, with vouchers; zero when in arrears. */
export async function readBalance({ client, site }: Parts, wait: Wait): Promise<Money> {
  const wallet = await client.request(
    {
      operation: "getBalance",
      method: "POST",
      path: "/wallet/balance",
      schema: walletSchema,
      isWrite: false,
    },
    wait,
  );
  const amount = wallet.assets - (wallet.blocked_asset ?? 0) + (wallet.voucher_balance ?? 0);
  return toMoney(site.currency, Math.max(0, amount));
}

// Each answer has one card: [{ "RTX 4090": { idle_gpu_num: 3, total_gpu_num: 8 } }, …]
const stockSchema = dataOf(
  z
    .array(
      z.record(
        z.string(),
        z.object({ idle_gpu_num: z.int().nonnegative(), total_gpu_num: z.int().nonnegative() }),
      ),
    )
    .nullable(),
);

/** Idle cards of a region by the platform's name of the card. */
export async function readStock(
  { client }: Parts,
  operation: string,
  region: string,
  wait: Wait,
): Promise<ReadonlyMap<string, number>> {
  const cards = await client.request(
    {
      operation,
      method: "POST",
      path: "/machine/region/gpu_stock",
      body: { json: { region_sign: region } },
      schema: stockSchema,
      isWrite: false,
    },
    wait,
  );
  const entries = (cards ?? []).flatMap((card) => Object.entries(card));
  return new Map(entries.map(([name, { idle_gpu_num }]) => [name, idle_gpu_num]));
}
