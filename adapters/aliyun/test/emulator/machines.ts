import type { CloudMachine, CloudMarket } from "@gpujob/adapter-kit/testing";
import { diskPerGibHour, images, typeFacts } from "./cloud-data.ts";
import { hasTags, listOf, required, tagsMade, tokenPage } from "./parameters.ts";
import { Refusal } from "./refusal.ts";
import type { RegionState } from "./resources.ts";

type Query = URLSearchParams;

/** What a machine was launched with, beside what the market knows. */
export interface Launch {
  readonly imageId: string;
  readonly keyName: string;
  readonly hasPublicAddress: boolean;
  readonly endsAt: number | undefined;
  readonly strategy: string;
}

/** What launches need of their surroundings. */
export interface World {
  readonly market: CloudMarket;
  readonly launches: Map<string, Launch>;
  readonly now: () => number;
  /** Machines that were promised and never made, by token. */
  readonly neverMade: Map<string, string>;
  /** Is the next one such? */
  takeNextLate: () => boolean;
}

const earliestMs = 30 * 60_000;

/** The end timer's time; seconds are cut. */
function releaseTime(query: Query, now: number): number | undefined {
  const text = query.get("AutoReleaseTime");
  if (text === null || text === "") return undefined;
  const time = Date.parse(text);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) || time < now + earliestMs)
    throw new Refusal("InvalidAutoReleaseTime.Malformed", "The time is no UTC half an hour ahead.");
  return Math.floor(time / 60_000) * 60_000;
}

function checkDisk(query: Query): number {
  const image = images.find(({ id }) => id === required(query, "ImageId"));
  if (image === undefined)
    throw new Refusal("InvalidImageId.NotFound", "The image does not exist.", 404);
  const category = query.get("SystemDisk.Category") ?? "cloud_efficiency";
  if (!/^cloud_(?:essd|auto)$/.test(category))
    throw new Refusal("InvalidSystemDiskCategory.ValueNotSupported", "The type needs an ESSD.");
  const gib = Number(query.get("SystemDisk.Size") ?? image.gib);
  if (gib < image.gib)
    throw new Refusal("InvalidSystemDiskSize.LessThanImageSize", "The disk is too small.", 404);
  return gib;
}

/** Checks what a launch names, and answers in which zone it is. */
function checkPlace(state: RegionState, query: Query): string {
  // Inside of an interface, or outside of all.
  const prefix = query.has("NetworkInterface.1.InstanceType") ? "NetworkInterface.1." : "";
  if (prefix !== "" && (query.has("VSwitchId") || query.has("SecurityGroupId")))
    throw new Refusal("InvalidParameter.Conflict", "The place is given twice.");
  const vSwitch = state.vSwitches.get(required(query, `${prefix}VSwitchId`));
  if (vSwitch === undefined)
    throw new Refusal("InvalidVSwitchId.NotFound", "The vSwitch does not exist.", 404);
  if (vSwitch.status !== "Available")
    throw new Refusal("IncorrectVSwitchStatus", "The vSwitch is pending.");
  if ((query.get("ZoneId") ?? vSwitch.zone) !== vSwitch.zone)
    throw new Refusal("InvalidParameter.Mismatch", "The vSwitch is not in the zone.");
  if (!state.groups.has(required(query, `${prefix}SecurityGroupId`)))
    throw new Refusal("InvalidSecurityGroupId.NotFound", "The group does not exist.", 404);
  if (!state.keys.has(required(query, "KeyPairName")))
    throw new Refusal("InvalidKeyPair.NotFound", "The key pair does not exist.", 404);
  return vSwitch.zone;
}

export function runInstances(state: RegionState, query: Query, world: World): object {
  if (query.get("InstanceChargeType") !== "PostPaid")
    throw new Refusal("InvalidPayMethod", "Subscriptions are not sold here.", 403);
  if (query.get("Amount") !== "1")
    throw new Refusal("InvalidAmount", "Only one machine is launched at once here.");
  const token = query.get("ClientToken") ?? "";
  if (token.length > 64)
    throw new Refusal("InvalidClientToken.ValueNotSupported", "The token is too long.");
  const type = required(query, "InstanceType");
  if (!typeFacts.some((one) => one.type === type))
    throw new Refusal("InvalidInstanceType.ValueNotSupported", "There is no such type.");
  const mode = query.get("NetworkInterface.1.NetworkInterfaceTrafficMode") ?? "Standard";
  const hasFabric = typeFacts.some((one) => one.type === type && (one.eris ?? 0) > 0);
  if (mode === "HighPerformance" && !hasFabric)
    throw new Refusal("InvalidInstanceType.ValueNotSupported", "The type has no such interface.");
  const gib = checkDisk(query);
  const zone = checkPlace(state, query);
  const endsAt = releaseTime(query, world.now());
  const strategy = query.get("SpotStrategy") ?? "NoSpot";
  const limit = strategy === "SpotWithPriceLimit" ? query.get("SpotPriceLimit") : null;
  const late = world.neverMade.get(token);
  if (late !== undefined) return answerOf(late);
  if (world.takeNextLate()) {
    const id = `i-late${world.neverMade.size}`;
    world.neverMade.set(token, id);
    return answerOf(id);
  }
  const made = world.market.launch({
    region: state.region,
    zone,
    type,
    market: strategy === "NoSpot" ? "on-demand" : "spot",
    token,
    parameters: [...query]
      .map((pair) => pair.join("="))
      .toSorted()
      .join("&"),
    tags: tagsMade(query),
    extraPerHour: gib * diskPerGibHour,
    ...(limit === null ? {} : { priceLimit: Number(limit) }),
    ...(endsAt === undefined ? {} : { endsAt }),
  });
  if (typeof made === "string") throw refusalOf(made);
  world.launches.set(made.id, {
    imageId: required(query, "ImageId"),
    keyName: required(query, "KeyPairName"),
    hasPublicAddress: Number(query.get("InternetMaxBandwidthOut") ?? 0) > 0,
    endsAt,
    strategy,
  });
  return answerOf(made.id);
}

function answerOf(id: string): object {
  return { InstanceIdSets: { InstanceIdSet: [id] }, TradePrice: 0 };
}

function refusalOf(why: string): Refusal {
  if (why === "no-stock")
    return new Refusal("OperationDenied.NoStock", "The type is out of stock in the zone.", 403);
  if (why === "not-offered")
    return new Refusal("InvalidInstanceType.ZoneNotSupported", "Not sold in the zone.", 403);
  if (why === "price") {
    const words = "The limit is below the public price.";
    return new Refusal("InvalidSpotPriceLimit.LowerThanPublicPrice", words);
  }
  // What a token of a machine that is gone is answered is documented nowhere.
  return new Refusal("IdempotentParameterMismatch", "The token was used with other parameters.");
}

const statuses = {
  pending: "Pending",
  running: "Running",
  "shutting-down": "Stopping",
  terminated: "",
} as const;

function describe(machine: CloudMachine, world: World): object {
  const launch = world.launches.get(machine.id);
  const isUp = machine.state === "running";
  const facts = typeFacts.find(({ type }) => type === machine.type);
  return {
    InstanceId: machine.id,
    RegionId: machine.region,
    ZoneId: machine.zone,
    InstanceType: machine.type,
    GPUAmount: facts?.gpu?.count ?? 0,
    GPUSpec: facts?.gpu?.name ?? "",
    Status: statuses[machine.state],
    // To the minute only.
    CreationTime: `${new Date(machine.createdAt).toISOString().slice(0, 16)}Z`,
    InstanceChargeType: "PostPaid",
    SpotStrategy: launch?.strategy,
    KeyPairName: launch?.keyName,
    ImageId: launch?.imageId,
    PublicIpAddress: {
      IpAddress: isUp && launch?.hasPublicAddress === true ? [machine.address] : [],
    },
    EipAddress: { IpAddress: "" },
    VpcAttributes: { PrivateIpAddress: { IpAddress: isUp ? [machine.privateAddress] : [] } },
    OperationLocks: {
      LockReason: machine.takenAt === undefined ? [] : [{ LockReason: "Recycling" }],
    },
    Tags: {
      Tag: Object.entries(machine.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
    },
  };
}

/** What is gone is shown no more. */
function alive(state: RegionState, { market }: World): readonly CloudMachine[] {
  return market.list(state.region).filter((machine) => machine.state !== "terminated");
}

export function describeInstances(state: RegionState, query: Query, world: World): object {
  const ids: unknown = JSON.parse(query.get("InstanceIds") ?? "null");
  if (ids !== null && !Array.isArray(ids))
    throw new Refusal("InvalidInstanceIds.Malformed", "The ids are no list.");
  const found = alive(state, world).filter(
    (machine) => (ids === null || ids.includes(machine.id)) && hasTags(query, machine.tags),
  );
  const { rows, fields } = tokenPage(query, found);
  return {
    ...fields,
    Instances: { Instance: rows.map((machine) => describe(machine, world)) },
  };
}

export function deleteInstances(state: RegionState, query: Query, world: World): object {
  const ids = listOf(query, "InstanceId");
  if (ids.length === 0) required(query, "InstanceId.1");
  for (const id of ids) {
    const machine = alive(state, world).find((one) => one.id === id);
    if (machine === undefined)
      throw new Refusal("InvalidInstanceId.NotFound", "The instance does not exist.", 404);
    if (machine.state === "pending" && machine.upAt === undefined && isInitializing(machine, world))
      throw new Refusal("IncorrectInstanceStatus.Initializing", "It is being made.", 403);
    if (machine.state === "shutting-down")
      throw new Refusal("IncorrectInstanceStatus", "It is ending.", 403);
    if (query.get("Force") !== "true")
      throw new Refusal("IncorrectInstanceStatus", "It is not stopped.", 403);
    world.market.end(id, "user");
  }
  return {};
}

const initializingMs = 20;

function isInitializing({ createdAt }: CloudMachine, { now }: World): boolean {
  return now() < createdAt + initializingMs;
}

export function moveReleaseTime(state: RegionState, query: Query, world: World): object {
  const id = required(query, "InstanceId");
  if (!alive(state, world).some((machine) => machine.id === id))
    throw new Refusal("InvalidInstanceId.NotFound", "The instance does not exist.", 404);
  world.market.setTimer(id, releaseTime(query, world.now()));
  return {};
}

export function describeEvents(query: Query, { neverMade }: World): object {
  const id = required(query, "InstanceId");
  const isLate = [...neverMade.values()].includes(id);
  const name = "SystemFailure.Delete";
  const isAsked = (query.get("EventType") ?? name) === name;
  return {
    InstanceSystemEventSet: {
      InstanceSystemEventType:
        isLate && isAsked
          ? [
              {
                InstanceId: id,
                EventType: { Name: name },
                EventCycleStatus: { Name: "Executed" },
                Reason: "The machine could not be made.",
              },
            ]
          : [],
    },
  };
}
