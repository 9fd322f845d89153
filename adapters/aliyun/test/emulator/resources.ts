import type { CloudMachine } from "@gpujob/adapter-kit/testing";
import type { Tags } from "./parameters.ts";
import { hasTags, numberedPage, required, tagsMade, tokenPage } from "./parameters.ts";
import { Refusal } from "./refusal.ts";

type Query = URLSearchParams;

interface Vpc {
  readonly id: string;
  readonly name: string;
  readonly block: string;
  status: "Pending" | "Available";
}

interface VSwitch {
  readonly id: string;
  readonly zone: string;
  readonly vpc: string;
  readonly block: string;
  free: number;
  status: "Pending" | "Available";
}

interface Group {
  readonly id: string;
  readonly name: string;
  readonly vpc: string;
  readonly tags: Tags;
  readonly rules: Set<string>;
}

interface Key {
  readonly name: string;
  readonly publicKey: string;
  readonly tags: Tags;
}

/** What a region holds beside machines. */
export interface RegionState {
  /** Of networks that are made. */
  readonly newStatus: "Pending" | "Available";
  readonly region: string;
  readonly zones: readonly string[];
  readonly vpcs: Map<string, Vpc>;
  readonly vSwitches: Map<string, VSwitch>;
  readonly groups: Map<string, Group>;
  readonly keys: Map<string, Key>;
}

export function createRegion(
  region: string,
  zones: readonly string[],
  newStatus: RegionState["newStatus"],
): RegionState {
  return {
    region,
    newStatus,
    zones,
    vpcs: new Map(),
    vSwitches: new Map(),
    groups: new Map(),
    keys: new Map(),
  };
}

type Handler = (state: RegionState, query: Query, machines: readonly CloudMachine[]) => object;

function newId(prefix: string, region: string, count: number): string {
  return `${prefix}-${region.replaceAll("-", "").slice(0, 8)}${count + 1}`;
}

/** A new network is pending until it was asked about once. */
function shown(thing: { status: "Pending" | "Available" }): string {
  const { status } = thing;
  thing.status = "Available";
  return status;
}

function rangeOf(block: string): readonly [first: number, end: number] {
  const [address = "", bits = "32"] = block.split("/");
  const first = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return [first, first + 2 ** (32 - Number(bits))];
}

/** Networks, groups and keys — https://api.aliyun.com/product/Vpc and /product/Ecs (2026-11) */
export const resourceActions: Readonly<Record<string, Handler>> = {
  DescribeVpcs(state, query) {
    const [id, name] = [query.get("VpcId"), query.get("VpcName")];
    const found = [...state.vpcs.values()].filter(
      (vpc) => (id === null || vpc.id === id) && (name === null || vpc.name === name),
    );
    const { rows, fields } = numberedPage(query, found, 50);
    return {
      ...fields,
      Vpcs: {
        Vpc: rows.map((vpc) => ({
          VpcId: vpc.id,
          VpcName: vpc.name,
          CidrBlock: vpc.block,
          Status: shown(vpc),
          IsDefault: false,
        })),
      },
    };
  },

  CreateVpc(state, query) {
    const id = newId("vpc", state.region, state.vpcs.size);
    const block = required(query, "CidrBlock");
    const name = query.get("VpcName") ?? "";
    state.vpcs.set(id, { id, name, block, status: state.newStatus });
    return { VpcId: id, VRouterId: id.replace("vpc", "vrt"), RouteTableId: "vtb-1" };
  },

  DescribeVSwitches(state, query) {
    const [vpc, zone] = [query.get("VpcId"), query.get("ZoneId")];
    const found = [...state.vSwitches.values()].filter(
      (one) => (vpc === null || one.vpc === vpc) && (zone === null || one.zone === zone),
    );
    const { rows, fields } = numberedPage(query, found, 50);
    return {
      ...fields,
      VSwitches: {
        VSwitch: rows.map((one) => ({
          VSwitchId: one.id,
          VpcId: one.vpc,
          ZoneId: one.zone,
          CidrBlock: one.block,
          Status: shown(one),
          AvailableIpAddressCount: one.free,
        })),
      },
    };
  },

  CreateVSwitch(state, query) {
    const vpc = state.vpcs.get(required(query, "VpcId"));
    if (vpc === undefined) throw new Refusal("InvalidVpcID.NotFound", "There is no such VPC.");
    if (vpc.status !== "Available") throw new Refusal("IncorrectVpcStatus", "The VPC is pending.");
    const zone = required(query, "ZoneId");
    if (!state.zones.includes(zone))
      throw new Refusal("InvalidZoneId.NotFound", "There is no such zone.", 404);
    const block = required(query, "CidrBlock");
    const [first, end] = rangeOf(block);
    const [least, most] = rangeOf(vpc.block);
    if (first < least || end > most)
      throw new Refusal("InvalidCidrBlock.Malformed", "The block is outside of the VPC.");
    const overlaps = [...state.vSwitches.values()].some((other) => {
      const [otherFirst, otherEnd] = rangeOf(other.block);
      return other.vpc === vpc.id && first < otherEnd && otherFirst < end;
    });
    if (overlaps) throw new Refusal("InvalidCidrBlock.Overlapped", "The block overlaps another.");
    const id = newId("vsw", state.region, state.vSwitches.size);
    const one = { id, zone, vpc: vpc.id, block, free: 4092, status: state.newStatus };
    state.vSwitches.set(id, one);
    return { VSwitchId: id };
  },

  DescribeSecurityGroups(state, query) {
    const [vpc, name] = [query.get("VpcId"), query.get("SecurityGroupName")];
    const found = [...state.groups.values()].filter(
      (group) =>
        (vpc === null || group.vpc === vpc) &&
        // Part of a name is enough to be shown.
        (name === null || group.name.includes(name)) &&
        hasTags(query, group.tags),
    );
    const { rows, fields } = tokenPage(query, found, 100);
    return {
      ...fields,
      SecurityGroups: {
        SecurityGroup: rows.map(({ id, name: is, vpc: VpcId }) => ({
          SecurityGroupId: id,
          SecurityGroupName: is,
          VpcId,
        })),
      },
    };
  },

  /** Names are not unique. */
  CreateSecurityGroup(state, query) {
    const vpc = required(query, "VpcId");
    if (!state.vpcs.has(vpc)) throw new Refusal("InvalidVpcId.NotFound", "There is no such VPC.");
    const id = newId("sg", state.region, state.groups.size);
    const name = required(query, "SecurityGroupName");
    state.groups.set(id, { id, name, vpc, tags: tagsMade(query), rules: new Set() });
    return { SecurityGroupId: id };
  },

  AuthorizeSecurityGroup(state, query) {
    const group = groupOf(state, required(query, "SecurityGroupId"));
    for (let number = 1; query.has(`Permissions.${number}.IpProtocol`); number++) {
      const parts = ["IpProtocol", "PortRange", "SourceCidrIp", "Policy"].map((name) =>
        required(query, `Permissions.${number}.${name}`),
      );
      group.rules.add(parts.join(" "));
    }
    return {};
  },

  DeleteSecurityGroup(state, query, machines) {
    const group = groupOf(state, required(query, "SecurityGroupId"));
    if (machines.some((machine) => machine.state !== "terminated"))
      throw new Refusal("DependencyViolation", "There are machines in the group.", 403);
    state.groups.delete(group.id);
    return {};
  },

  ImportKeyPair(state, query) {
    const name = required(query, "KeyPairName");
    const publicKey = required(query, "PublicKeyBody");
    if (!/^[A-Za-z][\w:-]{1,127}$/.test(name))
      throw new Refusal("InvalidKeyPairName.Malformed", "The name is not allowed.");
    // No other kind is taken.
    if (!/^ssh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+/]+=*$/.test(publicKey))
      throw new Refusal("InvalidPublicKeyBody.Malformed", "The public key is invalid.");
    if (state.keys.has(name))
      throw new Refusal("KeyPair.AlreadyExist", "The key pair already exists.");
    state.keys.set(name, { name, publicKey, tags: tagsMade(query) });
    return { KeyPairName: name, KeyPairFingerPrint: "0123456789abcdef" };
  },

  DescribeKeyPairs(state, query) {
    const found = [...state.keys.values()].filter((key) => hasTags(query, key.tags));
    const { rows, fields } = numberedPage(query, found, 50);
    return { ...fields, KeyPairs: { KeyPair: rows.map(({ name }) => ({ KeyPairName: name })) } };
  },

  DeleteKeyPairs(state, query) {
    const names: unknown = JSON.parse(required(query, "KeyPairNames"));
    if (!Array.isArray(names))
      throw new Refusal("InvalidParameter.KeypairName", "The names are no list.");
    for (const name of names) state.keys.delete(String(name));
    return {};
  },
};

function groupOf(state: RegionState, id: string): Group {
  const group = state.groups.get(id);
  if (group !== undefined) return group;
  throw new Refusal("InvalidSecurityGroupId.NotFound", "There is no such group.", 404);
}
