import type { ErrorTable } from "@gpujob/adapter-kit";
import { errorRows } from "@gpujob/adapter-kit";

/** Codes that say: somebody has made it already. */
export const duplicates: ReadonlySet<string> = new Set([
  "InvalidGroup.Duplicate",
  "InvalidKeyPair.Duplicate",
  "InvalidPermission.Duplicate",
]);

/** Codes that say: what was found a moment ago is gone. */
export const vanished: ReadonlySet<string> = new Set([
  "InvalidGroup.NotFound",
  "InvalidKeyPair.NotFound",
  "InvalidSubnetID.NotFound",
]);

const capacity = { kind: "no_capacity", scope: "offer" } as const;
const refused = { kind: "unsupported_request", scope: "offer" } as const;

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (2026-11); how wide each is, by experience. */
export const awsErrors: ErrorTable = [
  ...errorRows(
    capacity,
    "InsufficientInstanceCapacity",
    "InsufficientCapacity",
    "UnfulfillableCapacity",
    "InsufficientHostCapacity",
    "ReservationCapacityExceeded",
  ),
  ...errorRows({ kind: "no_capacity", scope: "zone" }, "InsufficientFreeAddressesInSubnet"),
  // Not the same as no capacity, although it looks like it: waiting does not help.
  ...errorRows(
    {
      kind: "quota_exceeded",
      scope: "region",
      hint: "Ask for more vCPUs of this family under Service Quotas (new accounts have none for G and P), or name other regions.",
    },
    "VcpuLimitExceeded",
    "InstanceLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "MaxFleetCountExceeded",
    "VolumeLimitExceeded",
    "MaxIOPSLimitExceeded",
    "AddressLimitExceeded",
  ),
  ...errorRows({ kind: "price_changed", scope: "offer" }, "SpotMaxPriceTooLow"),
  ...errorRows(
    refused,
    "Unsupported",
    "UnsupportedOperation",
    "InvalidParameterCombination",
    "InvalidInstanceType",
    "InvalidInstanceType.NotFound",
    "InvalidParameterValue",
    "MissingParameter",
    "InvalidUserData.Malformed",
    "InvalidBlockDeviceMapping",
    "InvalidKeyPair.NotFound",
    "InvalidGroup.NotFound",
    "InvalidSubnetID.NotFound",
  ),
  {
    code: /^InvalidAMIID\./,
    kind: "unsupported_request",
    scope: "region",
    hint: "Name an image that this region has: `image` of the job or of the platform.",
    example: "InvalidAMIID.NotFound",
  },
  ...errorRows(
    {
      kind: "forbidden",
      scope: "region",
      hint: "Enable the region for this account, or take it out of `regions`.",
    },
    "OptInRequired",
  ),
  ...errorRows(
    {
      kind: "not_verified",
      scope: "account",
      hint: "AWS still checks this account; its support centre knows more.",
    },
    "PendingVerification",
    "Blocked",
  ),
  ...errorRows(
    {
      kind: "unauthorized",
      scope: "account",
      hint: "Check the credentials, this computer's clock, and that the account has enabled the region.",
    },
    "AuthFailure",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "RequestExpired",
    "ExpiredToken",
    "ExpiredTokenException",
    "MissingAuthenticationToken",
    "UnrecognizedClientException",
  ),
  ...errorRows(
    {
      kind: "unauthorized",
      scope: "account",
      hint: "Give accessKeyId and secretAccessKey or a profile, or log in (aws sso login).",
    },
    "CredentialsProviderError",
    "TokenProviderError",
  ),
  ...errorRows(
    {
      kind: "forbidden",
      scope: "account",
      hint: "Give the key the policy in the README of the adapter; sts:DecodeAuthorizationMessage reads the long text.",
    },
    "UnauthorizedOperation",
    "AccessDenied",
    "AccessDeniedException",
  ),
  ...errorRows(
    {
      kind: "forbidden",
      scope: "offer",
      hint: "Let an administrator make the role for spot once: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
    },
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
  ),
  ...errorRows({ kind: "unsupported_request", scope: "call" }, ...duplicates),
  ...errorRows(
    { kind: "absent", scope: "call" },
    "InvalidInstanceID.NotFound",
    "InvalidInstanceID.Malformed",
    "InvalidVolume.NotFound",
  ),
  ...errorRows(
    { kind: "rate_limited", scope: "account" },
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "EC2ThrottledException",
  ),
  // Of a launch these leave open what was done: the kit makes `outcome_unknown` of them.
  ...errorRows(
    { kind: "unavailable", scope: "region" },
    "InternalError",
    "InternalFailure",
    "ServerInternal",
    "Unavailable",
    "ServiceUnavailable",
  ),
  // The token has made a machine with other words: it is looked for, and only if none is seen this stands.
  ...errorRows({ kind: "outcome_unknown", scope: "call" }, "IdempotentParameterMismatch"),
  ...errorRows({ kind: "lease_failed", scope: "offer" }, "IdempotentInstanceTerminated"),
];

/** Why a machine ended, in words — StateReason of DescribeInstances (2026-11) */
export const endReasons: Readonly<Record<string, string>> = {
  "Server.InsufficientInstanceCapacity": "there was no capacity after all",
  "Server.SpotInstanceTermination": "the spot machine was taken back",
  "Server.SpotInstanceShutdown": "the spot machine was taken back",
  "Server.InternalError": "its host had trouble",
  "Server.ScheduledStop": "its host was retired",
  "Client.VolumeLimitExceeded": "the account may not have more disk in this region",
  "Client.InternalError":
    "its disk could not be made; most often the key of an encrypted image is not allowed",
  "Client.InvalidSnapshot.NotFound": "its image has lost its disk",
  "Client.InstanceInitiatedShutdown": "it powered itself off",
  "Client.UserInitiatedShutdown": "it was ended through the API or the console",
};
