import type { ErrorTable } from "@gpujob/adapter-kit";
import { errorRows } from "@gpujob/adapter-kit";

/** Codes that say: what was found a moment ago is gone. */
export const vanished: ReadonlySet<string> = new Set([
  "InvalidKeyPair.NotFound",
  "InvalidKeyPairName.NotFound",
  "InvalidSecurityGroupId.NotFound",
  "InvalidVSwitchId.NotFound",
]);

/** Codes that say: the token has been used with other words. */
export const otherWords: ReadonlySet<string> = new Set([
  "IdempotentParameterMismatch",
  "InvalidIdempotenceParameter.Mismatch",
]);

/** Codes that say of a release: not in this moment, as the machine is being made, or is ending already. */
export const notNow: ReadonlySet<string> = new Set([
  "IncorrectInstanceStatus.Initializing",
  "IncorrectInstanceStatus",
]);

const refused = { kind: "unsupported_request", scope: "offer" } as const;

/** https://api.aliyun.com/document/Ecs/2014-05-26/RunInstances (2026-11); how wide each is, by experience. */
export const aliyunErrors: ErrorTable = [
  ...errorRows(
    { kind: "no_capacity", scope: "offer" },
    "OperationDenied.NoStock",
    "Zone.NotOnSale",
    "LackResource",
    "NodeControllerUnavailable",
    "Invalid.PrivatePoolOptions.NoStock",
  ),
  {
    code: "OperationDenied",
    text: /out of usage|no stock/i,
    kind: "no_capacity",
    scope: "offer",
    example: "OperationDenied",
  },
  // The type is withdrawn, or this zone does not take it.
  ...errorRows(
    refused,
    "InstanceType.Offline",
    "InvalidInstanceType.NotSupported",
    "InvalidInstanceType.ValueNotSupported",
    "InvalidInstanceType.ValueUnauthorized",
    "InvalidInstanceType.ZoneNotSupported",
    "OperationDenied.ZoneNotAllowed",
    "PriceNotFound",
  ),
  ...errorRows(
    { kind: "unsupported_request", scope: "zone" },
    "Zone.NotOpen",
    "InvalidVpcZone.NotSupported",
    "InvalidParameter.Mismatch",
    "InvalidZoneId.NotFound",
  ),
  ...errorRows(
    {
      kind: "forbidden",
      scope: "region",
      hint: "Have the region opened for this account, or take it out of `regions`.",
    },
    "OperationDenied.ResourceControl",
    "RegionUnauthorized",
    "Forbidden.RegionId",
  ),
  ...errorRows({ kind: "unsupported_request", scope: "region" }, "InvalidRegionId.NotFound"),
  ...errorRows(
    { kind: "no_capacity", scope: "region", hint: "The region is under maintenance." },
    "ServiceUnavailable.RegionMaintaining",
  ),
  ...errorRows(
    {
      ...refused,
      hint: "Name another `diskCategory` or a larger `diskGib` for the platform.",
    },
    "InvalidSystemDiskCategory.ValueNotSupported",
    "InvalidDiskCategory.NotSupported",
    "CategoryNotSupported",
    "OperationDenied.ZoneSystemCategoryNotMatch",
    "InvalidSystemDiskCategory.ValueUnauthorized",
    "InvalidSystemDiskSize.LessThanImageSize",
  ),
  ...errorRows(
    {
      kind: "quota_exceeded",
      scope: "region",
      hint: "Ask for more vCPUs of this family in the console's Quota Center, or name other regions.",
    },
    "QuotaExceed.ElasticQuota",
    "QuotaExceed.AfterpayInstance",
    "QuotaExceeded",
    "QuotaExceed.PostPaidDisk",
    "QuotaExceed.PortableCloudDisk",
    "QuotaExceed.KeyPair",
  ),
  // Of the vSwitch or the group: another zone has other ones.
  ...errorRows(
    { kind: "no_capacity", scope: "zone" },
    "QuotaExceeded.PrivateIpAddress",
    "OperationDenied.NoVlan",
  ),
  ...errorRows(
    { kind: "quota_exceeded", scope: "region", hint: "Name another `securityGroup`." },
    "SecurityGroupInstanceLimitExceed",
  ),
  ...errorRows(
    { kind: "price_changed", scope: "offer" },
    "InvalidSpotPriceLimit.LowerThanPublicPrice",
  ),
  ...errorRows(
    refused,
    "InvalidSpotPriceLimit",
    "InvalidSpotDuration",
    "InvalidSpotStrategy",
    "InvalidSpotAliUid",
    "InvalidSpotAuthorized",
  ),
  {
    ...refused,
    code: /^InvalidSpotInterruptionBehavior\./,
    example: "InvalidSpotInterruptionBehavior.ValueNotSupported",
  },
  ...errorRows(
    {
      kind: "unsupported_request",
      scope: "region",
      hint: "Name an image that this region has: `image` of the job or of the platform.",
    },
    "InvalidImageId.NotFound",
    "OperationDenied.ImageNotValid",
    "ImageNotSubscribed",
    "ImageRemovedInMarket",
    "ImageNotSupportCloudInit",
  ),
  ...errorRows(
    { ...refused, hint: "Name another image: this one does not run on the type." },
    "ImageNotSupportInstanceType",
    "InvalidParameter.Conflict",
  ),
  // In some seconds the network is ready, and what another run has just made is found.
  ...errorRows(
    { kind: "rate_limited", scope: "call" },
    "IncorrectVSwitchStatus",
    "IncorrectVpcStatus",
    "InvalidCidrBlock.Overlapped",
    "LastTokenProcessing",
    "OperationConflict",
    "OperationDenied.CreatingConflict",
    "SignatureNonceUsed",
  ),
  ...errorRows(
    refused,
    "InvalidVSwitchId.NotFound",
    "InvalidSecurityGroupId.NotFound",
    "InvalidKeyPair.NotFound",
    "InvalidKeyPairName.NotFound",
  ),
  ...errorRows(
    {
      kind: "insufficient_funds",
      scope: "account",
      hint: "Top the account up and settle what is overdue: pay-as-you-go needs about 100 CNY of balance.",
    },
    "Account.Arrearage",
    "InvalidAccountStatus.NotEnoughBalance",
    "InsufficientBalance",
    "InvalidPayMethod",
    "PaymentMethodNotFound",
    "InvalidInstance.UnPaidOrder",
  ),
  ...errorRows(
    {
      kind: "not_verified",
      scope: "account",
      hint: "Finish the account's verification in the console.",
    },
    "SecurityRisk.3DVerification",
    "RealNameAuthenticationError",
    "Forbidden.RiskControl",
  ),
  ...errorRows(
    {
      kind: "unauthorized",
      scope: "account",
      hint: "Check the access key, its secret and this computer's clock.",
    },
    "InvalidAccessKeyId.NotFound",
    "InvalidAccessKeyId.Inactive",
    "Forbidden.AccessKeyDisabled",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "IllegalTimestamp",
    "InvalidTimeStamp.Expired",
  ),
  ...errorRows(
    {
      kind: "unauthorized",
      scope: "account",
      hint: "Give accessKeyId and accessKeySecret, set ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, or log in (aliyun configure).",
    },
    "InvalidCredentials",
  ),
  {
    code: /^InvalidSecurityToken\./,
    kind: "unauthorized",
    scope: "account",
    hint: "Get a new session: its token has ended or belongs to another key.",
    example: "InvalidSecurityToken.Expired",
  },
  ...errorRows(
    {
      kind: "forbidden",
      scope: "account",
      hint: "Give the RAM user the policy in the README of the adapter.",
    },
    "Forbidden.RAM",
    "Forbidden.Unauthorized",
    "Forbidden.SubUser",
    "Forbidden.NotSupportRAM",
    "NoPermission",
    "InvalidUser.PassRoleForbidden",
  ),
  { code: /Throttling/, kind: "rate_limited", scope: "account", example: "Throttling.User" },
  // Of a launch these leave open what was done: the kit makes `outcome_unknown` of them.
  ...errorRows(
    { kind: "unavailable", scope: "region" },
    "InternalError",
    "UnknownError",
    "ServiceUnavailable",
  ),
  // The token has made a machine with other words: it is looked for, and only if none is seen this stands.
  ...errorRows({ kind: "outcome_unknown", scope: "call" }, ...otherWords),
  ...errorRows(
    refused,
    "InvalidClientToken.ValueNotSupported",
    "InvalidAutoReleaseTime.Malformed",
    "InvalidPublicKeyBody.Malformed",
    // We never ask for a rehearsal: one that was held made nothing.
    "DryRunOperation",
    "DRYRUN.SUCCESS",
  ),
  // Of a key pair: the name is made of the key, so that it is ours.
  ...errorRows({ kind: "unsupported_request", scope: "call" }, "KeyPair.AlreadyExist"),
  ...errorRows(
    { kind: "absent", scope: "call" },
    "InvalidInstanceId.NotFound",
    "Forbidden.InstanceNotFound",
  ),
  ...errorRows({ kind: "rate_limited", scope: "call" }, ...notNow),
  ...errorRows(
    {
      kind: "release_failed",
      scope: "call",
      hint: "Look at the machine in the console: it is protected, locked, prepaid, or something hangs on it.",
    },
    "InvalidOperation.DeletionProtection",
    "InstanceLockedForSecurity",
    "ChargeTypeViolation",
  ),
  {
    code: /^DependencyViolation\./,
    kind: "release_failed",
    scope: "call",
    hint: "Something hangs on it: look at it in the console.",
    example: "DependencyViolation.RouteEntry",
  },
  // Codes come and go; what stands before the first dot stays.
  { ...refused, code: /^OperationDenied(?:\.|$)/, example: "OperationDenied.Unlisted" },
  { ...refused, code: /^InvalidInstanceType\./, example: "InvalidInstanceType.Unlisted" },
  {
    code: /^QuotaExceed(?:ed)?\./,
    kind: "quota_exceeded",
    scope: "region",
    example: "QuotaExceed.Unlisted",
  },
  { code: /^Forbidden\./, kind: "forbidden", scope: "account", example: "Forbidden.Unlisted" },
];
