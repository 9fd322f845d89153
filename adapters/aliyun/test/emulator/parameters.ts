import { Refusal } from "./refusal.ts";

type Query = URLSearchParams;

export function required(query: Query, name: string): string {
  const value = query.get(name);
  if (value !== null && value !== "") return value;
  const words = `The input parameter "${name}" that is mandatory for processing this request is not supplied.`;
  throw new Refusal(`Missing${name}`, words);
}

/** `Name.1`, `Name.2` and so on. */
export function listOf(query: Query, name: string): readonly string[] {
  const found: string[] = [];
  for (let number = 1; ; number++) {
    const value = query.get(`${name}.${number}`);
    if (value === null) return found;
    found.push(value);
  }
}

/** `Tag.1.Key`, `Tag.1.Value` and so on; a tag may have a key alone. */
function tagsOf(
  query: Query,
): readonly { readonly key: string; readonly value: string | undefined }[] {
  const found: { key: string; value: string | undefined }[] = [];
  for (let number = 1; ; number++) {
    const key = query.get(`Tag.${number}.Key`);
    if (key === null) return found;
    if (/^(?:aliyun|acs:)|https?:\/\//.test(key))
      throw new Refusal("InvalidTagKey.Malformed", "The tag key is not allowed.");
    found.push({ key, value: query.get(`Tag.${number}.Value`) ?? undefined });
  }
}

export type Tags = Readonly<Record<string, string>>;

export function tagsMade(query: Query): Tags {
  return Object.fromEntries(tagsOf(query).map(({ key, value }) => [key, value ?? ""]));
}

/** Has a thing every tag that the query names? */
export function hasTags(query: Query, tags: Tags): boolean {
  return tagsOf(query).every(({ key, value }) =>
    value === undefined ? tags[key] !== undefined : tags[key] === value,
  );
}

/** The part of a list that a page of `PageNumber` and `PageSize` has. */
export function numberedPage<Row>(query: Query, rows: readonly Row[], most: number) {
  const size = Number(query.get("PageSize") ?? 10);
  const number = Number(query.get("PageNumber") ?? 1);
  if (!(size >= 1 && size <= most) || !(number >= 1))
    throw new Refusal("InvalidParameter", "The page size is out of range.");
  return {
    rows: rows.slice((number - 1) * size, number * size),
    fields: { PageNumber: number, PageSize: size, TotalCount: rows.length },
  };
}

/** The part of a list behind a token; pages are small, so that whoever reads only the first is found out. */
export function tokenPage<Row>(query: Query, rows: readonly Row[], size = 2) {
  const asked = Number(query.get("MaxResults") ?? 10);
  if (!(asked >= 1 && asked <= 100))
    throw new Refusal("InvalidParameter.MaxResults", "MaxResults is out of range.");
  const from = Number(query.get("NextToken") ?? 0);
  const end = from + size;
  return {
    rows: rows.slice(from, end),
    fields: { NextToken: end < rows.length ? String(end) : "", TotalCount: rows.length },
  };
}

const page = ["PageNumber", "PageSize"];
const token = ["NextToken", "MaxResults"];
const words = (text: string): readonly string[] => text.split(" ");

/** Parameters by action, without their numbers; one more is refused, so that no misspelt one goes unseen. */
const known: Readonly<Record<string, readonly string[]>> = {
  RunInstances: words(
    "ZoneId ClientToken Amount MinAmount InstanceChargeType InstanceType ImageId KeyPairName VSwitchId SecurityGroupId NetworkInterface.InstanceType NetworkInterface.VSwitchId NetworkInterface.SecurityGroupId NetworkInterface.NetworkInterfaceTrafficMode SystemDisk.Category SystemDisk.Size SystemDisk.PerformanceLevel InternetChargeType InternetMaxBandwidthOut AutoReleaseTime DeletionProtection HttpEndpoint HttpTokens SpotStrategy SpotPriceLimit SpotDuration SpotInterruptionBehavior Tag.Key Tag.Value",
  ),
  DescribeInstances: [...words("InstanceIds Tag.Key Tag.Value"), ...token],
  DeleteInstances: words("InstanceId Force ForceStop ClientToken"),
  ModifyInstanceAutoReleaseTime: words("InstanceId AutoReleaseTime"),
  DescribeInstanceHistoryEvents: words("InstanceId EventType"),
  DescribeInstanceTypes: ["MinimumGPUAmount", ...token],
  DescribeAvailableResource: words(
    "DestinationResource ResourceType InstanceChargeType IoOptimized NetworkCategory SpotStrategy SpotDuration",
  ),
  DescribePrice: words(
    "ResourceType InstanceType PriceUnit Period SpotStrategy ImageId SystemDisk.Category SystemDisk.Size SystemDisk.PerformanceLevel",
  ),
  DescribeSpotPriceHistory: words("InstanceType NetworkType OSType SpotDuration Offset"),
  DescribeImages: [
    ...words("ImageId InstanceType ImageOwnerAlias OSType Status IsSupportCloudinit"),
    ...page,
  ],
  DescribeImageFromFamily: ["ImageFamily"],
  ImportKeyPair: words("KeyPairName PublicKeyBody Tag.Key Tag.Value"),
  DescribeKeyPairs: [...words("Tag.Key Tag.Value"), ...page],
  DeleteKeyPairs: ["KeyPairNames"],
  DescribeSecurityGroups: [...words("VpcId SecurityGroupName Tag.Key Tag.Value"), ...token],
  CreateSecurityGroup: words("VpcId SecurityGroupName SecurityGroupType Tag.Key Tag.Value"),
  AuthorizeSecurityGroup: words(
    "SecurityGroupId Permissions.IpProtocol Permissions.PortRange Permissions.SourceCidrIp Permissions.Policy Permissions.Priority",
  ),
  DeleteSecurityGroup: ["SecurityGroupId"],
  DescribeVpcs: [...words("VpcId VpcName"), ...page],
  CreateVpc: words("CidrBlock VpcName Tag.Key Tag.Value"),
  DescribeVSwitches: [...words("VpcId ZoneId"), ...page],
  CreateVSwitch: words("ZoneId VpcId CidrBlock VSwitchName Tag.Key Tag.Value"),
};

export function checkNames(action: string, query: Query): void {
  const names = known[action];
  if (names === undefined)
    throw new Refusal("InvalidAction.NotFound", `There is no action ${action}.`, 404);
  for (const name of query.keys()) {
    const plain = name.replaceAll(/\.\d+/g, "");
    if (plain !== "RegionId" && !names.includes(plain))
      throw new Refusal("UnknownParameter", `${action} has no parameter ${name}.`);
  }
  // The catalogue is the same everywhere.
  if (action !== "DescribeInstanceTypes") required(query, "RegionId");
}
