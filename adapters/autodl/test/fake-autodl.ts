import type { TestAnswer, TestRequest, TestServer } from "@gpujob/adapter-kit/testing";
import { startTestServer } from "@gpujob/adapter-kit/testing";
import { createFakeElastic } from "./fake-elastic.ts";
import { createFakePro } from "./fake-pro.ts";
import type { FakeAutodlOptions, FakeBill, FakeShared } from "./fake-wire.ts";
import { bodyOf, good, noStock, wrongParameter } from "./fake-wire.ts";

export const autodlToken = "a-token-for-tests";

export type { FakeAutodlOptions } from "./fake-wire.ts";

export interface FakeAutodl extends TestServer {
  /** Ids of machines that bill now. */
  readonly billing: () => string[];
  readonly bills: () => readonly FakeBill[];
  /** The next machine costs so many times as much. */
  readonly reprice: (factor: number) => void;
  /** The next machine's name arrives damaged. */
  readonly damage: () => void;
  /** The next step towards an end is accepted and ignored. */
  readonly ignoreNextRelease: () => void;
  /** Switches a powered-off instance on again, as its user could: port and password change. */
  readonly powerOn: (id: string) => void;
  /** Switches an instance off from inside. */
  readonly powerOffInside: (id: string) => void;
  /** The next request whose path ends so is answered with this. */
  readonly answerNext: (path: string, answer: TestAnswer) => void;
  /** Every request whose path ends so is answered with this. */
  readonly answerAlways: (path: string, answer: TestAnswer) => void;
}

const cardsOfRoom = [
  ["RTX 4090D", 140],
  ["RTX 5090", 3],
  ["RTX PRO 6000", 1],
  ["vGPU-48GB", 2],
  ["vGPU-48GB-350W", 1],
  ["H800", 0],
] as const;

const rooms = ["westDC2", "westDC3", "beijingDC1", "beijingDC2", "Singapore-A"];

/** AutoDL behind a real server, from its documentation and from what its users have seen; both products, one account. */
export async function startFakeAutodl(options: FakeAutodlOptions = {}): Promise<FakeAutodl> {
  const hands = { factor: 1, isDamaging: false, isIgnoring: false };
  const scripted = new Map<string, { readonly answer: TestAnswer; readonly isOnce: boolean }>();
  const soldOut = options.soldOut ?? ["h800", "H800"];
  const shared: FakeShared = {
    options,
    now: options.now ?? Date.now,
    nextFactor() {
      const { factor } = hands;
      hands.factor = 1;
      return factor;
    },
    nextName(name) {
      const damaged = hands.isDamaging ? name.slice(0, 14) : name;
      hands.isDamaging = false;
      return damaged;
    },
    takeIgnore() {
      const { isIgnoring } = hands;
      hands.isIgnoring = false;
      return isIgnoring;
    },
    isSoldOut: (card) => soldOut.includes(card),
  };
  const pro = createFakePro(shared);
  const elastic = createFakeElastic(shared);

  function handle(request: TestRequest): TestAnswer {
    for (const [end, { answer, isOnce }] of scripted) {
      if (!request.path.endsWith(end)) continue;
      if (isOnce) scripted.delete(end);
      return answer;
    }
    // The bare token; "Bearer" before it is wrong.
    if (request.headers.authorization !== autodlToken) {
      return { status: 401, json: { code: "AuthorizeFailed", msg: "token invalid", data: null } };
    }
    const path = request.path.replace("/api/v1/dev/", "");
    if (request.method === "GET" && request.text !== "") return wrongParameter;
    if (path === "wallet/balance") {
      return good({ assets: 100_120, blocked_asset: 120, voucher_balance: 0, accumulate: 5000 });
    }
    if (path === "machine/region/gpu_stock") return stock(bodyOf(request));
    if (path.startsWith("instance/pro/")) return pro.handle(request, path.slice(13));
    if (path.startsWith("deployment")) return elastic.handle(request, path);
    return { status: 404, text: "404 page not found" };
  }

  /** A room that does not exist has nothing, and no error. */
  function stock(body: Record<string, unknown>): TestAnswer {
    if (!rooms.includes(String(body["region_sign"]))) return good([]);
    return good(
      cardsOfRoom.map(([name, idle]) => ({
        [name]: { idle_gpu_num: idle, total_gpu_num: 200, chip_corp: "nvidia", cpu_arch: "x86" },
      })),
    );
  }

  const server = await startTestServer({ handle, targetOf, refuse });
  return {
    ...server,
    billing: () => [...pro.billing(), ...elastic.billing()],
    bills: () => [...pro.bills(), ...elastic.bills()],
    reprice: (factor) => void (hands.factor = factor),
    damage: () => void (hands.isDamaging = true),
    ignoreNextRelease: () => void (hands.isIgnoring = true),
    powerOn: (id) => pro.powerOn(id),
    powerOffInside: (id) => pro.powerOffInside(id),
    answerNext: (path, answer) => void scripted.set(path, { answer, isOnce: true }),
    answerAlways: (path, answer) => void scripted.set(path, { answer, isOnce: false }),
  };
}

function targetOf(request: TestRequest) {
  const { method, path } = request;
  if (path.endsWith("/gpu_stock")) return "offers";
  if (path.endsWith("/balance")) return "balance";
  if (path.endsWith("/pro/create")) return "create";
  if (path.endsWith("/pro/list")) return "list";
  if (path.endsWith("/pro/status")) return "get";
  if (path.endsWith("/power_off") || path.endsWith("/release")) return "release";
  if (path.endsWith("/deployment")) return method === "DELETE" ? "release" : "create";
  if (path.endsWith("/deployment/list")) {
    return bodyOf(request)["deployment_uuid"] === undefined ? "list" : "get";
  }
  return undefined;
}

function refuse(kind: string): TestAnswer {
  if (kind === "unauthorized") {
    return { status: 401, json: { code: "AuthorizeFailed", msg: "token invalid", data: null } };
  }
  if (kind === "rate_limited") return { status: 429, headers: { "retry-after": "1" }, json: {} };
  if (kind === "no_capacity") return noStock;
  return { status: 502, text: "<html><body>502 Bad Gateway</body></html>" };
}
