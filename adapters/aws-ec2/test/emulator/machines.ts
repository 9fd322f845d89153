import type { CloudMachine, CloudMarket } from "@gpujob/adapter-kit/testing";
import { images, parameters, typeFacts } from "./cloud-data.ts";
import type { Tree } from "./query.ts";
import { listAt, textAt, textsAt, treeAt } from "./query.ts";
import { Refusal } from "./refusal.ts";
import type { RegionState } from "./resources.ts";
import {
  applyFilters,
  filterable,
  required,
  subnetId,
  tagSet,
  tagsFor,
  vpcId,
} from "./resources.ts";
import type { Xml } from "./xml.ts";

/** What a machine was launched with, beside what the market knows. */
export interface Launch {
  readonly imageId: string;
  readonly rootDevice: string;
  readonly keyName: string;
  readonly groups: readonly string[];
  readonly hasEfa: boolean;
  readonly hasPublicAddress: boolean;
  readonly powerOffEnds: boolean;
  readonly hopLimit: number;
  readonly httpTokens: string;
  readonly userData: string;
}

/** What launches need of their surroundings. */
export interface World {
  readonly market: CloudMarket;
  readonly launches: Map<string, Launch>;
  /** A machine is there: its key opens it. */
  readonly now: () => number;
}

const maximumUserDataBytes = 16_384;

// https://aws.amazon.com/ebs/pricing and /vpc/pricing, us-east-1 (2026-07)
const gp3PerGibHour = 0.08 / 730;
const addressPerHour = 0.005;

/** The image of a launch, by id or by `resolve:ssm:PATH`. */
function imageOf(tree: Tree): (typeof images)[number] {
  const name = required(tree, "ImageId");
  const alias = /^resolve:ssm:(.+)$/.exec(name)?.[1];
  const id = alias === undefined ? name : parameters[alias];
  const image = images.find((one) => one.id === id);
  if (image !== undefined) return image;
  if (alias !== undefined) {
    throw new Refusal("InvalidParameterValue", `SSM parameter ${alias} does not exist`);
  }
  throw new Refusal("InvalidAMIID.NotFound", `The image id '[${name}]' does not exist`);
}

function launchOf(
  state: RegionState,
  tree: Tree,
): Launch & { readonly zone: string; readonly gib: number; readonly goesAlong: boolean } {
  const image = imageOf(tree);
  const [nic] = listAt(tree, "NetworkInterface");
  if (
    nic !== undefined &&
    (textAt(tree, "SubnetId") ?? listAt(tree, "SecurityGroupId")[0]) !== undefined
  ) {
    const text =
      "Network interfaces and an instance-level subnet ID may not be specified on the same request";
    throw new Refusal("InvalidParameterCombination", text);
  }
  const subnet = nic === undefined ? textAt(tree, "SubnetId") : textAt(nic, "SubnetId");
  const zone = state.zones.find((one) => subnetId(one) === subnet);
  if (zone === undefined)
    throw new Refusal("InvalidSubnetID.NotFound", `The subnet ID '${subnet ?? ""}' does not exist`);
  const groups =
    nic === undefined ? textsAt(tree, "SecurityGroupId") : textsAt(nic, "SecurityGroupId");
  for (const id of groups) {
    if (!state.groups.has(id))
      throw new Refusal("InvalidGroup.NotFound", `The security group '${id}' does not exist`);
  }
  const keyName = textAt(tree, "KeyName") ?? "";
  if (![...state.keys.values()].some(({ name }) => name === keyName)) {
    throw new Refusal("InvalidKeyPair.NotFound", `The key pair '${keyName}' does not exist`);
  }
  const userData = Buffer.from(textAt(tree, "UserData") ?? "", "base64").toString("utf8");
  if (userData.length > maximumUserDataBytes)
    throw new Refusal("InvalidUserData.Malformed", "User data is limited to 16384 bytes");
  const disk = listAt(tree, "BlockDeviceMapping").find(
    (one) => textAt(one, "DeviceName") === image.rootDevice,
  );
  const gib = Number((disk && textAt(disk, "Ebs.VolumeSize")) ?? image.gib);
  if (gib < image.gib) {
    throw new Refusal(
      "InvalidBlockDeviceMapping",
      `Volume of size ${gib}GB is smaller than snapshot, expect size >= ${image.gib}GB`,
    );
  }
  return {
    imageId: image.id,
    rootDevice: image.rootDevice,
    keyName,
    groups,
    zone,
    gib,
    // The image's own disk goes by default.
    goesAlong: (disk && textAt(disk, "Ebs.DeleteOnTermination")) !== "false",
    hasEfa: (nic && textAt(nic, "InterfaceType")) === "efa",
    hasPublicAddress: (nic && textAt(nic, "AssociatePublicIpAddress")) === "true",
    powerOffEnds: textAt(tree, "InstanceInitiatedShutdownBehavior") === "terminate",
    hopLimit: Number(textAt(tree, "MetadataOptions.HttpPutResponseHopLimit") ?? 2),
    httpTokens: textAt(tree, "MetadataOptions.HttpTokens") ?? "optional",
    userData,
  };
}

/** Minutes after which a script powers the machine off, by `shutdown -h +N`. */
export function shutdownMinutes(script: string): number | undefined {
  const minutes = /^\s*(?:\S*\/)?shutdown\s+(?:-[hP]\s+)?"?\+(\d+)"?\s*$/m.exec(script)?.[1];
  return minutes === undefined ? undefined : Number(minutes);
}

export function runInstances(state: RegionState, tree: Tree, world: World): Record<string, Xml> {
  const [least, most] = [Number(required(tree, "MinCount")), Number(required(tree, "MaxCount"))];
  if (least !== 1 || most !== 1)
    throw new Refusal("InvalidParameterValue", "Here only one machine is launched at once");
  const token = textAt(tree, "ClientToken") ?? "";
  if (token.length > 64)
    throw new Refusal("InvalidParameterValue", "Client token is longer than 64 characters");
  const type = required(tree, "InstanceType");
  const facts = typeFacts.find((one) => one.type === type);
  if (facts === undefined)
    throw new Refusal("InvalidParameterValue", `Invalid value '${type}' for InstanceType.`);
  const launch = launchOf(state, tree);
  if (launch.hasEfa && facts.efa !== true) {
    const text = `EFA interfaces are not supported on ${type}`;
    throw new Refusal("InvalidParameterCombination", text);
  }
  const market = textAt(tree, "InstanceMarketOptions.MarketType") === "spot" ? "spot" : "on-demand";
  const limit = textAt(tree, "InstanceMarketOptions.SpotOptions.MaxPrice");
  const minutes = launch.powerOffEnds ? shutdownMinutes(launch.userData) : undefined;
  const answer = world.market.launch({
    region: state.region,
    zone: launch.zone,
    type,
    market,
    token,
    parameters: JSON.stringify(flatten(tree)),
    tags: tagsFor(tree, "instance"),
    extraPerHour: launch.gib * gp3PerGibHour + (launch.hasPublicAddress ? addressPerHour : 0),
    ...(limit === undefined ? {} : { priceLimit: Number(limit) }),
    ...(minutes === undefined ? {} : { endsAt: world.now() + minutes * 60_000 }),
  });
  if (typeof answer === "string") throw refusalOf(answer, type, launch.zone);
  if (!world.launches.has(answer.id)) {
    world.launches.set(answer.id, launch);
    const id = answer.id.replace("i-", "vol-");
    const { gib, goesAlong } = launch;
    state.volumes.set(id, {
      id,
      gib,
      goesAlong,
      machineId: answer.id,
      tags: tagsFor(tree, "volume"),
    });
  }
  return {
    reservationId: answer.id.replace("i-", "r-"),
    ownerId: "111122223333",
    groupSet: [],
    instancesSet: [describe(state, answer, world)],
  };
}

/** A form as plain text again, whatever the order of its fields. */
function flatten(tree: Tree, path = ""): string[] {
  const own = tree.text === undefined ? [] : [`${path}=${tree.text}`];
  return [
    ...own,
    ...[...tree.parts].flatMap(([name, part]) => flatten(part, `${path}.${name}`)),
  ].toSorted();
}

function refusalOf(why: string, type: string, zone: string): Refusal {
  if (why === "no-stock") {
    const text = `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}).`;
    return new Refusal("InsufficientInstanceCapacity", text, 500);
  }
  if (why === "not-offered") {
    const text = `Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}).`;
    return new Refusal("Unsupported", text);
  }
  if (why === "price") {
    return new Refusal(
      "SpotMaxPriceTooLow",
      "Your Spot request price is lower than the minimum required Spot request fulfillment price.",
    );
  }
  if (why === "token-mismatch") {
    return new Refusal(
      "IdempotentParameterMismatch",
      "The request token was used with other parameters.",
    );
  }
  return new Refusal("IdempotentInstanceTerminated", "The instance of this token is terminated.");
}

const codes = { pending: 0, running: 16, "shutting-down": 32, terminated: 48 } as const;

/** `2026-11-24 14:05:06 GMT` */
function gmt(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} GMT`;
}

function endOf({
  endingAt,
  endCause,
  upAt,
}: CloudMachine): { readonly reason: string; readonly stateReason: Xml } | undefined {
  if (endingAt === undefined) return undefined;
  if (endCause === "user") {
    const stateReason = {
      code: "Client.UserInitiatedShutdown",
      message: "Client.UserInitiatedShutdown: User initiated shutdown",
    };
    return { reason: `User initiated (${gmt(endingAt)})`, stateReason };
  }
  if (endCause === "machine") {
    const message = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
    return {
      reason: `Client.InstanceInitiatedShutdown (${gmt(endingAt)})`,
      stateReason: { code: "Client.InstanceInitiatedShutdown", message },
    };
  }
  const code =
    upAt === undefined ? "Server.InsufficientInstanceCapacity" : "Server.SpotInstanceTermination";
  return {
    reason: `${code} (${gmt(endingAt)})`,
    stateReason: { code, message: `${code}: taken by EC2` },
  };
}

/** One machine as DescribeInstances shows it. */
function describe(state: RegionState, machine: CloudMachine, world: World): Xml {
  const launch = world.launches.get(machine.id);
  const end = endOf(machine);
  const isUp = machine.state === "running";
  return {
    instanceId: machine.id,
    imageId: launch?.imageId,
    instanceState: { code: codes[machine.state], name: machine.state },
    privateDnsName: "",
    dnsName: "",
    reason: end?.reason ?? "",
    keyName: launch?.keyName,
    amiLaunchIndex: 0,
    instanceType: machine.type,
    launchTime: new Date(machine.createdAt).toISOString(),
    placement: { availabilityZone: machine.zone, groupName: "", tenancy: "default" },
    ...(isUp
      ? {
          privateIpAddress: machine.privateAddress,
          ...(launch?.hasPublicAddress === true ? { ipAddress: machine.address } : {}),
          subnetId: subnetId(machine.zone),
          vpcId: vpcId(state),
        }
      : {}),
    ...(end === undefined ? {} : { stateReason: end.stateReason }),
    architecture: typeFacts.find(({ type }) => type === machine.type)?.arch,
    rootDeviceType: "ebs",
    rootDeviceName: launch?.rootDevice,
    clientToken: machine.token,
    tagSet: tagSet(machine.tags),
    ...(machine.market === "spot"
      ? { instanceLifecycle: "spot", spotInstanceRequestId: machine.id.replace("i-", "sir-") }
      : {}),
    metadataOptions: {
      state: "applied",
      httpTokens: launch?.httpTokens,
      httpPutResponseHopLimit: launch?.hopLimit,
      httpEndpoint: "enabled",
    },
  };
}

const pageSize = 2;

export function describeInstances(
  state: RegionState,
  tree: Tree,
  world: World,
): Record<string, Xml> {
  const asked = textsAt(tree, "InstanceId");
  for (const id of asked) {
    if (!/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
      throw new Refusal("InvalidInstanceID.Malformed", `Invalid id: "${id}"`);
    if (world.market.find(state.region, id) === undefined) {
      throw new Refusal("InvalidInstanceID.NotFound", `The instance ID '${id}' does not exist`);
    }
  }
  const machines = world.market
    .list(state.region)
    .filter(({ id }) => asked.length === 0 || asked.includes(id));
  const found = applyFilters(tree, machines, (machine, name) =>
    filterable(machine.tags, {
      "client-token": machine.token,
      "instance-state-name": machine.state,
      "instance-id": machine.id,
    })(name),
  );
  // Small pages, so that whoever reads only the first is found out.
  const from = Number(textAt(tree, "NextToken") ?? 0);
  const page = found.slice(from, from + pageSize);
  return {
    reservationSet: page.map((machine) => ({
      reservationId: machine.id.replace("i-", "r-"),
      ownerId: "111122223333",
      groupSet: [],
      instancesSet: [describe(state, machine, world)],
    })),
    ...(found.length > from + pageSize ? { nextToken: String(from + pageSize) } : {}),
  };
}

export function terminateInstances(
  state: RegionState,
  tree: Tree,
  { market }: World,
): Record<string, Xml> {
  const ids = textsAt(tree, "InstanceId");
  if (ids.length === 0)
    throw new Refusal("MissingParameter", "The request must contain the parameter InstanceId");
  return {
    instancesSet: ids.map((id) => {
      const before = market.find(state.region, id);
      if (before === undefined)
        throw new Refusal("InvalidInstanceID.NotFound", `The instance ID '${id}' does not exist`);
      market.end(id, "user");
      const { state: name } = market.find(state.region, id) ?? before;
      return {
        instanceId: id,
        currentState: { code: codes[name], name },
        previousState: { code: codes[before.state], name: before.state },
      };
    }),
  };
}

export function describeImages(tree: Tree): Record<string, Xml> {
  const asked = textsAt(tree, "ImageId");
  const found = images.filter(({ id }) => asked.includes(id));
  if (found.length < asked.length)
    throw new Refusal(
      "InvalidAMIID.NotFound",
      `The image id '[${asked.join(", ")}]' does not exist`,
    );
  return {
    imagesSet: found.map(({ id, rootDevice, gib, arch }) => ({
      imageId: id,
      imageState: "available",
      architecture: arch,
      rootDeviceName: rootDevice,
      blockDeviceMapping: [
        { deviceName: rootDevice, ebs: { volumeSize: gib, deleteOnTermination: true } },
      ],
    })),
  };
}

/** Does the request carry a part that this action does not know? EC2 refuses it. */
export function checkNames(tree: Tree, known: readonly string[]): void {
  for (const name of tree.parts.keys()) {
    if (!known.includes(name))
      throw new Refusal("UnknownParameter", `The parameter ${name} is not recognized`);
  }
  if (treeAt(tree, "MetadataOptions.HttpTokens") !== undefined) {
    const value = textAt(tree, "MetadataOptions.HttpTokens") ?? "";
    if (value !== "required" && value !== "optional")
      throw new Refusal("InvalidParameterValue", `Invalid value ${value}`);
  }
}
