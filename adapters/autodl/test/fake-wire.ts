import type { TestAnswer, TestRequest } from "@gpujob/adapter-kit/testing";

/** How the fake's machines are reached; by default nowhere. */
export interface FakeSsh {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** What was metered of one machine. */
export interface FakeBill {
  readonly id: string;
  /** Thousandths per hour. */
  readonly price: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly stoppedAt?: number;
}

export interface FakeAutodlOptions {
  /** May the account use Elastic Deployment? @default true */
  readonly isEnterprise?: boolean;
  /** Cards of which creates find none, by spec or by name. @default H800 */
  readonly soldOut?: readonly string[];
  readonly ssh?: FakeSsh;
  /** How often an instance is looked at before it leaves `creating`. @default 2 */
  readonly bootLooks?: number;
  /** Epoch milliseconds. @default the system's time */
  readonly now?: () => number;
}

/** What both products of the fake share. */
export interface FakeShared {
  readonly options: FakeAutodlOptions;
  readonly now: () => number;
  /** Taken by the next machine. */
  readonly nextFactor: () => number;
  readonly nextName: (name: string) => string;
  /** Is this step to be ignored? */
  readonly takeIgnore: () => boolean;
  readonly isSoldOut: (card: string) => boolean;
}

/** A good answer: HTTP 200 and the code `Success`. */
export function good(data: unknown): TestAnswer {
  return { json: { code: "Success", msg: "", data, request_id: "req-1" } };
}

/** A refusal: HTTP 200 too. */
export function bad(code: string, msg: string): TestAnswer {
  return { json: { code, msg, data: null, request_id: "req-1" } };
}

export const noStock = bad("InternalError", "当前算力规格暂无库存, 请修改配置或稍等再试");
export const wrongParameter = bad("RequestParameterIsWrong", "请求参数错误");
export const notFound = bad("RecordNotFoundError", "未查询到相关实例");

/** The server gives small pages whatever is asked for, so that paging is always seen. */
export function page(rows: readonly unknown[], index: number): TestAnswer {
  const size = 2;
  return good({
    list: rows.length === 0 ? null : rows.slice((index - 1) * size, index * size),
    page_index: index,
    page_size: size,
    max_page: Math.ceil(rows.length / size),
    result_total: rows.length,
    offset: (index - 1) * size,
  });
}

/** Go's nullable time. */
export function nullTime(ms: number | undefined): object {
  return ms === undefined
    ? { Time: "0001-01-01T00:00:00Z", Valid: false }
    : { Time: new Date(ms + 8 * 3_600_000).toISOString().replace("Z", "+08:00"), Valid: true };
}

export function bodyOf(request: TestRequest): Record<string, unknown> {
  return request.text === "" ? {} : JSON.parse(request.text);
}
