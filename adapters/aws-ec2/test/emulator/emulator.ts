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
import {
  describeInstanceTypes,
  describeOfferings,
  describeSpotPrices,
  getProducts,
} from "./catalogue.ts";
import { usualStock } from "./cloud-data.ts";
import type { Launch, World } from "./machines.ts";
import {
  checkNames,
  describeImages,
  describeInstances,
  runInstances,
  terminateInstances,
} from "./machines.ts";
import type { Tree } from "./query.ts";
import { parseQuery, textAt } from "./query.ts";
import { Refusal } from "./refusal.ts";
import type { RegionState } from "./resources.ts";
import { createRegion, resourceActions, volumesOf } from "./resources.ts";
import type { Keys } from "./sigv4.ts";
import { verifySigV4 } from "./sigv4.ts";
import type { Xml } from "./xml.ts";
import { toXml } from "./xml.ts";

/** How this EC2 is set up. */
export interface EmulatorOptions {
  readonly keys: Keys;
  /** @default `usualStock` */
  readonly stock?: readonly CloudStock[];
  readonly bootMs?: number;
  readonly endMs?: number;
  readonly lagMs?: number;
  /** The actions that the key may use, such as `ec2:RunInstances`. @default all */
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
  /** Disks, keys and groups that are left in a region. */
  readonly leftovers: (name: string) => readonly string[];
  /** The next requests of this action are refused so, one each. */
  readonly refuseNext: (action: string, code: string, status?: number, message?: string) => void;
}

/** Parameters by action; one more is refused, as by EC2. */
const parametersOf: Readonly<Record<string, readonly string[]>> = {
  RunInstances:
    "ClientToken MinCount MaxCount InstanceType ImageId KeyName InstanceInitiatedShutdownBehavior UserData BlockDeviceMapping NetworkInterface MetadataOptions TagSpecification InstanceMarketOptions SubnetId SecurityGroupId DryRun".split(
      " ",
    ),
  DescribeInstances: "InstanceId Filter MaxResults NextToken DryRun".split(" "),
  TerminateInstances: "InstanceId DryRun".split(" "),
  DescribeImages: "ImageId Owner Filter DryRun".split(" "),
  DescribeInstanceTypes: "InstanceType Filter MaxResults NextToken DryRun".split(" "),
  DescribeInstanceTypeOfferings: "LocationType Filter MaxResults NextToken DryRun".split(" "),
  DescribeSpotPriceHistory:
    "InstanceType ProductDescription Filter StartTime EndTime MaxResults NextToken AvailabilityZone DryRun".split(
      " ",
    ),
  DescribeVpcs: "VpcId Filter MaxResults NextToken DryRun".split(" "),
  DescribeSubnets: "SubnetId Filter MaxResults NextToken DryRun".split(" "),
  DescribeSecurityGroups: "GroupId GroupName Filter MaxResults NextToken DryRun".split(" "),
  CreateSecurityGroup: "GroupName GroupDescription VpcId TagSpecification DryRun".split(" "),
  AuthorizeSecurityGroupEgress: "GroupId IpPermissions TagSpecification DryRun".split(" "),
  AuthorizeSecurityGroupIngress: "GroupId IpPermissions TagSpecification DryRun".split(" "),
  DeleteSecurityGroup: "GroupId GroupName DryRun".split(" "),
  ImportKeyPair: "KeyName PublicKeyMaterial TagSpecification DryRun".split(" "),
  DescribeKeyPairs: "KeyName KeyPairId Filter IncludePublicKey DryRun".split(" "),
  DeleteKeyPair: "KeyName KeyPairId DryRun".split(" "),
  DescribeVolumes: "VolumeId Filter MaxResults NextToken DryRun".split(" "),
  DeleteVolume: "VolumeId DryRun".split(" "),
};

const version = "2016-11-15";

/** EC2 and its price list behind one address: query protocol, XML, signatures checked, every region. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const stock = options.stock ?? usualStock;
  const regions = new Map<string, RegionState>();
  const launches = new Map<string, Launch>();
  const actions = new Set<string>();
  const scripted: { action: string; code: string; status: number; message: string }[] = [];
  const { startMachine } = options;
  const market = createCloudMarket({
    stock,
    idPrefix: "i-",
    // From `running` to `shutting-down`, a minute at least; nothing for a spot machine taken within its first hour.
    meter: { from: "up", minimumSeconds: 60, freeIfTakenWithinSeconds: 3600 },
    ...(options.bootMs === undefined ? {} : { bootMs: options.bootMs }),
    ...(options.endMs === undefined ? {} : { endMs: options.endMs }),
    ...(options.lagMs === undefined ? {} : { lagMs: options.lagMs }),
    ...(startMachine === undefined
      ? {}
      : { startMachine: (machine) => startReal(machine, startMachine) }),
  });
  const world: World = { market, launches, now: Date.now };

  /** Its key is in the launch, which is written down right after the market's answer. */
  async function startReal(
    machine: CloudMachine,
    start: NonNullable<EmulatorOptions["startMachine"]>,
  ): Promise<RealMachine> {
    await Promise.resolve();
    const name = launches.get(machine.id)?.keyName;
    const keys = [...regionOf(machine.region).keys.values()];
    return start(machine, keys.find((key) => key.name === name)?.publicKey ?? "");
  }

  function regionOf(name: string): RegionState {
    const zones = [
      ...new Set(stock.filter(({ region }) => region === name).map(({ zone }) => zone)),
    ];
    const state = regions.get(name) ?? createRegion(name, zones);
    regions.set(name, state);
    return state;
  }

  function allow(action: string): void {
    actions.add(action);
    if (options.allowed === undefined || options.allowed.includes(action)) return;
    throw new Refusal("UnauthorizedOperation", `You are not authorized to perform: ${action}`, 403);
  }

  function act(action: string, tree: Tree, state: RegionState): Record<string, Xml> {
    const known = parametersOf[action];
    if (known === undefined)
      throw new Refusal("InvalidAction", `The action ${action} is not valid`);
    checkNames(tree, ["Action", "Version", ...known]);
    const index = scripted.findIndex((one) => one.action === action);
    const [refusal] = index < 0 ? [] : scripted.splice(index, 1);
    if (refusal !== undefined) throw new Refusal(refusal.code, refusal.message, refusal.status);
    const here = stock.filter(({ region }) => region === state.region);
    const machines = market.list(state.region);
    if (action === "RunInstances") {
      // What the launch tags, it creates; and the alias of an image is looked up by the caller's right.
      if (textAt(tree, "TagSpecification.1.ResourceType") !== undefined) allow("ec2:CreateTags");
      if (textAt(tree, "ImageId")?.startsWith("resolve:ssm:") === true) allow("ssm:GetParameters");
      return runInstances(state, tree, world);
    }
    if (action === "ImportKeyPair" || action === "CreateSecurityGroup") allow("ec2:CreateTags");
    if (action === "DescribeInstances") return describeInstances(state, tree, world);
    if (action === "TerminateInstances") return terminateInstances(state, tree, world);
    if (action === "DescribeImages") return describeImages(tree);
    if (action === "DescribeInstanceTypes") return describeInstanceTypes(tree);
    if (action === "DescribeInstanceTypeOfferings") return describeOfferings(tree, here);
    if (action === "DescribeSpotPriceHistory")
      return describeSpotPrices(
        tree,
        market.stock().filter(({ region }) => region === state.region),
        Date.now(),
      );
    return resourceActions[action]?.(state, tree, machines) ?? {};
  }

  function handle(request: TestRequest): TestAnswer {
    const isPriceList = request.headers["x-amz-target"] === "AWSPriceListService.GetProducts";
    try {
      const signed = verifySigV4(request, options.keys, Date.now());
      if (typeof signed === "string")
        throw new Refusal(signed, "The request's signature was refused", 401);
      if (signed.service !== (isPriceList ? "pricing" : "ec2"))
        throw new Refusal("SignatureDoesNotMatch", "It was signed for another service", 403);
      if (isPriceList) {
        allow("pricing:GetProducts");
        return { json: getProducts(request.text, stock) };
      }
      const tree = parseQuery(new URLSearchParams(request.text));
      const action = textAt(tree, "Action") ?? "";
      if (textAt(tree, "Version") !== version)
        throw new Refusal("NoSuchVersion", `There is no version ${textAt(tree, "Version") ?? ""}`);
      allow(`ec2:${action}`);
      return answer(action, act(action, tree, regionOf(signed.region)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return isPriceList ? refuseAsJson(error) : refuseAsXml(error);
    }
  }

  const server = await startTestServer({ handle, targetOf, refuse });
  return {
    ...server,
    market,
    launches,
    actions: () => [...actions].toSorted(),
    region: regionOf,
    leftovers(name) {
      const state = regionOf(name);
      return [
        ...volumesOf(state, market.list(name)).map(({ volume }) => volume.id),
        ...state.keys.keys(),
        ...state.groups.keys(),
      ];
    },
    refuseNext: (action, code, status = 400, message = "as the script says") =>
      void scripted.push({ action, code, status, message }),
    async close() {
      await server.close();
      await market.close();
    },
  };
}

/** Which of our calls a request belongs to. */
function targetOf({
  text,
  headers,
}: TestRequest): ReturnType<Parameters<typeof startTestServer>[0]["targetOf"]> {
  if (headers["x-amz-target"] !== undefined) return undefined;
  const form = new URLSearchParams(text);
  const action = form.get("Action");
  if (action === "RunInstances") return "create";
  if (action === "TerminateInstances") return "release";
  if (action === "DescribeInstanceTypes") return "offers";
  if (action !== "DescribeInstances") return undefined;
  return form.has("InstanceId.1") ? "get" : "list";
}

function refuse(kind: PlatformErrorKind): TestAnswer {
  if (kind === "unauthorized") {
    return refuseAsXml(
      new Refusal(
        "AuthFailure",
        "AWS was not able to validate the provided access credentials",
        401,
      ),
    );
  }
  if (kind === "rate_limited")
    return refuseAsXml(new Refusal("RequestLimitExceeded", "Request limit exceeded.", 503));
  if (kind === "no_capacity") {
    return refuseAsXml(
      new Refusal(
        "InsufficientInstanceCapacity",
        "We currently do not have sufficient capacity.",
        500,
      ),
    );
  }
  return refuseAsXml(
    new Refusal("Unavailable", "The server is overloaded and can't handle the request.", 503),
  );
}

const requestId = "59dbff89-35bd-4eac-99ed-be587EXAMPLE";

function answer(action: string, fields: Record<string, Xml>): TestAnswer {
  const attributes = ` xmlns="http://ec2.amazonaws.com/doc/${version}/"`;
  return xml(toXml(`${action}Response`, { requestId, ...fields }, attributes));
}

function refuseAsXml({ code, message, status }: Refusal): TestAnswer {
  const body = { Errors: { Error: { Code: code, Message: message } }, RequestID: requestId };
  return { ...xml(toXml("Response", body)), status };
}

function refuseAsJson({ code, message, status }: Refusal): TestAnswer {
  return { status, json: { __type: code, message } };
}

function xml(text: string): TestAnswer {
  const headers = { "content-type": "text/xml;charset=UTF-8" };
  return { headers, text: `<?xml version="1.0" encoding="UTF-8"?>\n${text}` };
}
