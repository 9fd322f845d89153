import type { PlatformErrorKind } from "@gpujob/spec";
import type {
  CloudMachine,
  CloudMarket,
  CloudStock,
  RealMachine,
  TestAnswer,
  TestRequest,
  TestServer,
} from "@gpujob/adapter-kit/testing";
import { createCloudMarket, startTestServer } from "@gpujob/adapter-kit/testing";
import type { Keys } from "./acs3.ts";
import { verifyAcs3 } from "./acs3.ts";
import {
  describeAvailableResource,
  describeFamily,
  describeImages,
  describeInstanceTypes,
  describePrice,
  describeSpotPrices,
} from "./catalogue.ts";
import { usualStock } from "./cloud-data.ts";
import type { Launch, World } from "./machines.ts";
import {
  deleteInstances,
  describeEvents,
  describeInstances,
  moveReleaseTime,
  runInstances,
} from "./machines.ts";
import { checkNames } from "./parameters.ts";
import { Refusal } from "./refusal.ts";
import type { RegionState } from "./resources.ts";
import { createRegion, resourceActions } from "./resources.ts";

/** How this cloud is set up. */
export interface EmulatorOptions {
  readonly keys: Keys;
  /** @default `usualStock` */
  readonly stock?: readonly CloudStock[];
  readonly bootMs?: number;
  readonly endMs?: number;
  readonly lagMs?: number;
  /** Are networks ready as soon as they are made? @default false: at the second look */
  readonly hasQuickNetworks?: boolean;
  /** The actions that the key may use, such as `ecs:RunInstances`. @default all */
  readonly allowed?: readonly string[];
  /** Makes a real machine that lets this public key in. */
  readonly startMachine?: (machine: CloudMachine, publicKey: string) => Promise<RealMachine>;
}

export interface Emulator extends TestServer {
  readonly market: CloudMarket;
  readonly launches: ReadonlyMap<string, Launch>;
  /** Actions that were asked for, each once, with their service's prefix. */
  readonly actions: () => readonly string[];
  readonly region: (name: string) => RegionState;
  /** Keys and groups that are left in a region. */
  readonly leftovers: (name: string) => readonly string[];
  /** The next request of this action is refused so; several wait in line. */
  readonly refuseNext: (action: string, refusal: ScriptedRefusal) => void;
  /** Requests about this type's price are never answered. */
  readonly hangPriceOf: (type: string) => void;
  /** The next machine is promised, and vanishes for want of stock. */
  readonly promiseNextInVain: () => void;
}

/** An answer out of the ordinary. */
export interface ScriptedRefusal {
  readonly code: string;
  /** @default 400 */
  readonly status?: number;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of JSON, as from a proxy. */
  readonly text?: string;
}

const versions: Readonly<Record<string, string>> = { "2014-05-26": "ecs", "2016-04-28": "vpc" };
const ofVpc = new Set(["DescribeVpcs", "CreateVpc", "DescribeVSwitches", "CreateVSwitch"]);

/** ECS and VPC behind one address: RPC style, JSON, signatures checked, every region. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const stock = options.stock ?? usualStock;
  const regions = new Map<string, RegionState>();
  const launches = new Map<string, Launch>();
  const actions = new Set<string>();
  const nonces = new Set<string>();
  const hanging = new Set<string>();
  const scripted: { readonly action: string; readonly refusal: ScriptedRefusal }[] = [];
  const newStatus = options.hasQuickNetworks === true ? "Available" : "Pending";
  let isNextLate = false;
  const { startMachine } = options;
  const market = createCloudMarket({
    stock,
    idPrefix: "i-",
    // From the launch to the release.
    meter: { from: "created", minimumSeconds: 0 },
    ...(options.bootMs === undefined ? {} : { bootMs: options.bootMs }),
    ...(options.endMs === undefined ? {} : { endMs: options.endMs }),
    ...(options.lagMs === undefined ? {} : { lagMs: options.lagMs }),
    ...(startMachine === undefined
      ? {}
      : { startMachine: (machine) => startReal(machine, startMachine) }),
  });
  const world: World = {
    market,
    launches,
    now: Date.now,
    neverMade: new Map(),
    takeNextLate() {
      const isLate = isNextLate;
      isNextLate = false;
      return isLate;
    },
  };

  /** Its key is in the launch, which is written down right after the market's answer. */
  async function startReal(
    machine: CloudMachine,
    start: NonNullable<EmulatorOptions["startMachine"]>,
  ): Promise<RealMachine> {
    await Promise.resolve();
    const name = launches.get(machine.id)?.keyName ?? "";
    return start(machine, regionOf(machine.region).keys.get(name)?.publicKey ?? "");
  }

  function regionOf(name: string): RegionState {
    const zones = stock.filter(({ region }) => region === name).map(({ zone }) => zone);
    const state = regions.get(name) ?? createRegion(name, [...new Set(zones)], newStatus);
    regions.set(name, state);
    return state;
  }

  function allow(action: string): void {
    actions.add(action);
    if (options.allowed === undefined || options.allowed.includes(action)) return;
    throw new Refusal("Forbidden.RAM", `User not authorized to operate on ${action}.`, 403);
  }

  function act(action: string, query: URLSearchParams): object {
    const state = regionOf(query.get("RegionId") ?? "");
    const here = market.stock().filter(({ region }) => region === state.region);
    switch (action) {
      case "RunInstances":
        return runInstances(state, query, world);
      case "DescribeInstances":
        return describeInstances(state, query, world);
      case "DeleteInstances":
        return deleteInstances(state, query, world);
      case "ModifyInstanceAutoReleaseTime":
        return moveReleaseTime(state, query, world);
      case "DescribeInstanceHistoryEvents":
        return describeEvents(query, world);
      case "DescribeInstanceTypes":
        return describeInstanceTypes(query);
      case "DescribeAvailableResource":
        return describeAvailableResource(query, here);
      case "DescribePrice":
        return describePrice(query, here);
      case "DescribeSpotPriceHistory":
        return describeSpotPrices(query, here, Date.now());
      case "DescribeImages":
        return describeImages(query);
      case "DescribeImageFromFamily":
        return describeFamily(query);
      default:
        return resourceActions[action]?.(state, query, market.list(state.region)) ?? {};
    }
  }

  async function handle(request: TestRequest): Promise<TestAnswer> {
    const action = actionOf(request);
    try {
      verifyAcs3(request, options.keys, { now: Date.now(), nonces });
      const service = versions[String(request.headers["x-acs-version"])];
      if (service === undefined || (service === "vpc") !== ofVpc.has(action))
        throw new Refusal("InvalidVersion", "The action is of another service.");
      allow(`${service}:${action}`);
      checkNames(action, request.query);
      const index = scripted.findIndex((one) => one.action === action);
      const [found] = index < 0 ? [] : scripted.splice(index, 1);
      if (found !== undefined) return answerRefusal(found.refusal);
      const isHanging = hanging.has(request.query.get("InstanceType") ?? "");
      if (isHanging && action === "DescribePrice") await new Promise(() => {});
      return { json: { RequestId: requestId, ...act(action, request.query) } };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return answerRefusal(error);
    }
  }

  const server = await startTestServer({
    handle,
    targetOf,
    refuse: (kind) => answerRefusal(refusalFor(kind)),
    // Everything stands in the query.
    maximumHeadBytes: 131_072,
  });
  return {
    ...server,
    market,
    launches,
    actions: () => [...actions].toSorted(),
    region: regionOf,
    leftovers(name) {
      const state = regionOf(name);
      return [...state.keys.keys(), ...state.groups.keys()];
    },
    refuseNext: (action, refusal) => void scripted.push({ action, refusal }),
    hangPriceOf: (type) => void hanging.add(type),
    promiseNextInVain: () => void (isNextLate = true),
    async close() {
      await server.close();
      await market.close();
    },
  };
}

function actionOf(request: TestRequest): string {
  return String(request.headers["x-acs-action"] ?? "");
}

/** Which of our calls a request belongs to. */
function targetOf(
  request: TestRequest,
): ReturnType<Parameters<typeof startTestServer>[0]["targetOf"]> {
  const action = actionOf(request);
  if (action === "RunInstances") return "create";
  if (action === "DeleteInstances") return "release";
  if (action === "DescribeInstanceTypes") return "offers";
  if (action !== "DescribeInstances") return undefined;
  return request.query.has("InstanceIds") ? "get" : "list";
}

function refusalFor(kind: PlatformErrorKind): ScriptedRefusal {
  if (kind === "unauthorized") return { code: "InvalidAccessKeyId.NotFound", status: 404 };
  if (kind === "rate_limited") return { code: "Throttling.User", status: 400 };
  if (kind === "no_capacity") return { code: "OperationDenied.NoStock", status: 403 };
  return { code: "ServiceUnavailable", status: 503 };
}

const requestId = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";

function answerRefusal({
  code,
  status = 400,
  message = "as the script says",
  headers = {},
  text,
}: ScriptedRefusal): TestAnswer {
  if (text !== undefined) return { status, text, headers };
  const body = { RequestId: requestId, HostId: "ecs.aliyuncs.com", Code: code, Message: message };
  return { status, headers, json: { ...body, Recommend: "" } };
}
