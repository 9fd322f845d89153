import { createHash } from "node:crypto";
import type { CloudMachine } from "@gpujob/adapter-kit/testing";
import type { Tree } from "./query.ts";
import { listAt, textAt, textsAt } from "./query.ts";
import { Refusal } from "./refusal.ts";
import type { Xml } from "./xml.ts";

export type Tags = Readonly<Record<string, string>>;

interface Group {
  readonly id: string;
  readonly name: string;
  readonly vpcId: string;
  readonly tags: Tags;
  readonly rules: Set<string>;
  /** Beside the usual one, that lets everything out to any address. */
  readonly egress: Set<string>;
}

interface Key {
  readonly id: string;
  readonly name: string;
  readonly publicKey: string;
  readonly tags: Tags;
}

/** A disk; it goes with its machine unless it was made to stay. */
export interface Volume {
  readonly id: string;
  readonly gib: number;
  readonly tags: Tags;
  readonly machineId: string;
  readonly goesAlong: boolean;
}

/** What a region holds beside machines. */
export interface RegionState {
  readonly region: string;
  readonly zones: readonly string[];
  readonly groups: Map<string, Group>;
  readonly keys: Map<string, Key>;
  readonly volumes: Map<string, Volume>;
  hasDefaultVpc: boolean;
}

export function createRegion(region: string, zones: readonly string[]): RegionState {
  const own = { groups: new Map(), keys: new Map(), volumes: new Map() };
  return { region, zones, ...own, hasDefaultVpc: true };
}

export function tagSet(tags: Tags): Xml {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

/** The tags of one kind of resource in a TagSpecification list. */
export function tagsFor(tree: Tree, kind: string): Tags {
  const spec = listAt(tree, "TagSpecification").find((one) => textAt(one, "ResourceType") === kind);
  const pairs = spec === undefined ? [] : listAt(spec, "Tag");
  return Object.fromEntries(
    pairs.map((tag) => [textAt(tag, "Key") ?? "", textAt(tag, "Value") ?? ""]),
  );
}

/** Filters, with `*` and `?`; an unknown name is refused, as EC2 does. */
export function applyFilters<Row>(
  tree: Tree,
  rows: readonly Row[],
  fields: (row: Row, name: string) => readonly string[] | undefined,
): readonly Row[] {
  return listAt(tree, "Filter").reduce<readonly Row[]>((left, filter) => {
    const name = textAt(filter, "Name") ?? "";
    const patterns = textsAt(filter, "Value").map(toPattern);
    return left.filter((row) => {
      const values = fields(row, name);
      if (values === undefined) {
        throw new Refusal("InvalidParameterValue", `The filter '${name}' is invalid`);
      }
      return values.some((value) => patterns.some((pattern) => pattern.test(value)));
    });
  }, rows);
}

function toPattern(text: string): RegExp {
  const escaped = text.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

/** What the filters `tag:KEY`, `tag-key` and those named here look at. */
export function filterable(
  tags: Tags,
  named: Readonly<Record<string, string | readonly string[]>>,
): (name: string) => readonly string[] | undefined {
  return (name) => {
    if (name === "tag-key") return Object.keys(tags);
    if (name.startsWith("tag:")) return [tags[name.slice(4)] ?? []].flat();
    const value = named[name];
    return value === undefined ? undefined : [value].flat();
  };
}

export function vpcId({ region }: RegionState): string {
  return `vpc-${createHash("sha256").update(region).digest("hex").slice(0, 17)}`;
}

export function subnetId(zone: string): string {
  return `subnet-${createHash("sha256").update(zone).digest("hex").slice(0, 17)}`;
}

type Handler = (
  state: RegionState,
  tree: Tree,
  machines: readonly CloudMachine[],
) => Record<string, Xml>;

/** Adds rules to one side of a group; a known one refuses all. */
function authorize(
  state: RegionState,
  tree: Tree,
  sideOf: (group: ReturnType<typeof groupOf>) => Set<string>,
): Record<string, Xml> {
  const side = sideOf(groupOf(state, required(tree, "GroupId")));
  const rules = listAt(tree, "IpPermissions").flatMap((rule) => {
    const ports = ["IpProtocol", "FromPort", "ToPort"].map((name) => textAt(rule, name) ?? "");
    const from = [
      ...listAt(rule, "IpRanges").map((range) => textAt(range, "CidrIp") ?? ""),
      ...listAt(rule, "Groups").map((pair) => groupOf(state, textAt(pair, "GroupId") ?? "").id),
    ];
    return from.map((source) => [...ports, source].join(" "));
  });
  if (rules.length === 0) throw new Refusal("MissingParameter", "Source group or CIDR is missing");
  const known = rules.find((rule) => side.has(rule));
  if (known !== undefined) {
    throw new Refusal(
      "InvalidPermission.Duplicate",
      `the specified rule "${known}" already exists`,
    );
  }
  for (const rule of rules) side.add(rule);
  return { return: true };
}

/** Networks, groups, keys and disks — https://docs.aws.amazon.com/AWSEC2/latest/APIReference (2026-11) */
export const resourceActions: Readonly<Record<string, Handler>> = {
  DescribeVpcs: (state, tree) => ({
    vpcSet: applyFilters(tree, state.hasDefaultVpc ? [vpcId(state)] : [], (_id, name) =>
      filterable({ Name: "lab" }, { "is-default": "true", "vpc-id": vpcId(state) })(name),
    ).map((id) => ({ vpcId: id, state: "available", cidrBlock: "172.31.0.0/16", isDefault: true })),
  }),

  DescribeSubnets: (state, tree) => ({
    subnetSet: applyFilters(tree, state.zones, (zone, name) =>
      filterable(
        {},
        {
          "vpc-id": vpcId(state),
          "availability-zone": zone,
          "default-for-az": "true",
          state: "available",
        },
      )(name),
    ).map((zone) => ({
      subnetId: subnetId(zone),
      state: "available",
      vpcId: vpcId(state),
      availableIpAddressCount: 4091,
      availabilityZone: zone,
      defaultForAz: true,
      mapPublicIpOnLaunch: true,
    })),
  }),

  DescribeSecurityGroups: (state, tree) => ({
    securityGroupInfo: applyFilters(tree, [...state.groups.values()], (group, name) =>
      filterable(group.tags, {
        "vpc-id": group.vpcId,
        "group-name": group.name,
        "group-id": group.id,
      })(name),
    ).map(({ id, name, vpcId: vpc, tags }) => ({
      ownerId: "111122223333",
      groupId: id,
      groupName: name,
      groupDescription: "Machines rented by gpujob",
      vpcId: vpc,
      tagSet: tagSet(tags),
    })),
  }),

  CreateSecurityGroup(state, tree) {
    const name = required(tree, "GroupName");
    required(tree, "GroupDescription");
    const vpc = textAt(tree, "VpcId") ?? vpcId(state);
    if (vpc !== vpcId(state))
      throw new Refusal("InvalidVpcID.NotFound", `The vpc ID '${vpc}' does not exist`);
    if ([...state.groups.values()].some((group) => group.name === name)) {
      throw new Refusal("InvalidGroup.Duplicate", `The security group '${name}' already exists`);
    }
    const id = `sg-${(state.groups.size + 1).toString(16).padStart(17, "0")}`;
    const tags = tagsFor(tree, "security-group");
    state.groups.set(id, { id, name, vpcId: vpc, tags, rules: new Set(), egress: new Set() });
    return { return: true, groupId: id, tagSet: tagSet(tags) };
  },

  AuthorizeSecurityGroupIngress: (state, tree) => authorize(state, tree, (group) => group.rules),
  AuthorizeSecurityGroupEgress: (state, tree) => authorize(state, tree, (group) => group.egress),

  DeleteSecurityGroup(state, tree, machines) {
    const group = groupOf(state, required(tree, "GroupId"));
    if (machines.some(({ state: is }) => is !== "terminated")) {
      throw new Refusal("DependencyViolation", `resource ${group.id} has a dependent object`);
    }
    state.groups.delete(group.id);
    return { return: true, groupId: group.id };
  },

  ImportKeyPair(state, tree) {
    const name = required(tree, "KeyName");
    const publicKey = Buffer.from(required(tree, "PublicKeyMaterial"), "base64").toString("utf8");
    if (!/^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/=]+/.test(publicKey)) {
      throw new Refusal("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    }
    if ([...state.keys.values()].some((key) => key.name === name)) {
      throw new Refusal("InvalidKeyPair.Duplicate", `The keypair '${name}' already exists.`);
    }
    const id = `key-${(state.keys.size + 1).toString(16).padStart(17, "0")}`;
    const tags = tagsFor(tree, "key-pair");
    state.keys.set(id, { id, name, publicKey, tags });
    return { keyName: name, keyFingerprint: "ab:cd", keyPairId: id, tagSet: tagSet(tags) };
  },

  DescribeKeyPairs: (state, tree) => ({
    keySet: applyFilters(tree, [...state.keys.values()], (key, name) =>
      filterable(key.tags, { "key-name": key.name })(name),
    ).map(({ id, name, tags }) => ({ keyPairId: id, keyName: name, tagSet: tagSet(tags) })),
  }),

  DeleteKeyPair(state, tree) {
    const [id, name] = [textAt(tree, "KeyPairId"), textAt(tree, "KeyName")];
    const key = [...state.keys.values()].find((one) => one.id === id || one.name === name);
    if (key !== undefined) state.keys.delete(key.id);
    return { return: true, keyPairId: key?.id };
  },

  DescribeVolumes: (state, tree, machines) => ({
    volumeSet: applyFilters(tree, volumesOf(state, machines), ({ volume }, name) =>
      filterable(volume.tags, { "volume-id": volume.id })(name),
    ).map(({ volume, status }) => ({
      volumeId: volume.id,
      size: volume.gib,
      status,
      ...(status === "in-use"
        ? {
            attachmentSet: [
              { volumeId: volume.id, instanceId: volume.machineId, status: "attached" },
            ],
          }
        : {}),
      tagSet: tagSet(volume.tags),
    })),
  }),

  DeleteVolume(state, tree, machines) {
    const id = required(tree, "VolumeId");
    const found = volumesOf(state, machines).find(({ volume }) => volume.id === id);
    if (found === undefined)
      throw new Refusal("InvalidVolume.NotFound", `The volume '${id}' does not exist.`);
    if (found.status === "in-use")
      throw new Refusal("VolumeInUse", `Volume ${id} is currently attached`);
    state.volumes.delete(id);
    return { return: true };
  },
};

/** Disks that are still there; those that go with their machine are gone with it. */
export function volumesOf(
  state: RegionState,
  machines: readonly CloudMachine[],
): { readonly volume: Volume; readonly status: "in-use" | "available" }[] {
  return [...state.volumes.values()].flatMap((volume) => {
    const machine = machines.find(({ id }) => id === volume.machineId);
    const isGone = machine?.state === "terminated";
    if (isGone && volume.goesAlong) return [];
    return [{ volume, status: isGone ? ("available" as const) : ("in-use" as const) }];
  });
}

function groupOf(state: RegionState, id: string): Group {
  const group = state.groups.get(id);
  if (group !== undefined) return group;
  throw new Refusal("InvalidGroup.NotFound", `The security group '${id}' does not exist`);
}

export function required(tree: Tree, name: string): string {
  const value = textAt(tree, name);
  if (value !== undefined && value !== "") return value;
  throw new Refusal("MissingParameter", `The request must contain the parameter ${name}`);
}
