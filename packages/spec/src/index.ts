export type { Currency, ExchangeRate, Money } from "./money.ts";
export type { Clock } from "./clock.ts";
export { Secret } from "./secret.ts";
export type { Channel, Execution, ExecExit } from "./channel.ts";
export { jobFailureKinds, platformErrorKinds, userFailureKinds } from "./failure.ts";
export type {
  Failure,
  FailureKind,
  FailureScope,
  JobFailureKind,
  PlatformErrorKind,
  UserFailureKind,
} from "./failure.ts";
export {
  assertNever,
  GpujobError,
  IncompleteListError,
  PlatformError,
  toFailure,
} from "./errors.ts";
export type { ErrorDetails } from "./errors.ts";
export { contractVersion } from "./adapter.ts";
export type {
  AdapterContext,
  BillingRule,
  ByHand,
  Capabilities,
  Charge,
  Classification,
  Connect,
  GpuVendor,
  Interconnect,
  Interruption,
  Lease,
  LeaseRequest,
  LeaseState,
  Market,
  Node,
  NodeAccess,
  Offer,
  OfferGpu,
  OfferPrice,
  OfferQuery,
  Ownership,
  Platform,
  ReleaseProgress,
  SecretReference,
  SshAuth,
  SshJump,
} from "./adapter.ts";
export type { DataMove, DataNeed } from "./data.ts";
export type { Experience, PlatformBill } from "./experience.ts";
export type { AdapterDefinition } from "./definition.ts";
export type {
  CheckpointRule,
  EnvironmentValue,
  FileSource,
  GpuRequest,
  JobSpec,
  Range,
  Resources,
  RetryRule,
} from "./job.ts";
export { unknownModel } from "./model-schema.ts";
export type {
  MemoryNeed,
  ModelAlternative,
  ModelNeed,
  ModelOptimizer,
  ModelPlan,
  ModelPrecision,
  ModelTask,
  ModelUse,
} from "./model.ts";
export { supersededCode } from "./host.ts";
export type {
  HostAttempt,
  HostBeat,
  HostExit,
  HostFacts,
  HostFile,
  HostGpu,
  HostJobState,
  HostListing,
  GangSsh,
  HostPlan,
  HostProbe,
  HostSession,
  HostVerdict,
  HostWatch,
  ProbedCard,
  SkippedFile,
  TransferProgress,
  UploadFile,
  UploadReport,
} from "./host.ts";
export { parseSshTarget } from "./ssh-target.ts";
export type { SshTarget } from "./ssh-target.ts";
export { runStates } from "./records.ts";
export type {
  AttemptView,
  ChargeKind,
  LedgerLine,
  Plan,
  PlanCandidate,
  PlanMissing,
  PlanRejection,
  PriceBreakdown,
  RunBilling,
  RunState,
  RunView,
} from "./records.ts";
export { termDays } from "./account.ts";
export type { AccountTerms, Coupon, PrepaidHours, TermLength, TermPrice } from "./account.ts";
export { formatMoment, resolveMoment } from "./moment.ts";
export type { Config, NotifyTarget, PlatformConfig, Timeouts } from "./config.ts";
export { didYouMean, nearestName, quoteText } from "./nearest.ts";
export {
  formatBandwidth,
  formatBytes,
  formatGib,
  parseBandwidthGbps,
  parseSizeGib,
} from "./size.ts";
export { formatDuration, parseDurationMs } from "./duration.ts";
export {
  formatHourlyPrice,
  formatMoney,
  parseCurrency,
  parseHourlyPrice,
  parseMoney,
} from "./money-text.ts";
export type { MoneyOptions } from "./money-text.ts";
export { formatRange, isInRange, parseRange } from "./range.ts";
export type { RangeOptions } from "./range.ts";
export { gpuVendors, isDomesticVendor, parseVendors } from "./gpu-vendor.ts";
export type { PlatformRating } from "./rating.ts";
export { profileNames, rankDimensions } from "./profile.ts";
export type {
  PlaceExperience,
  ProfileName,
  RankDimension,
  RankPart,
  RankScore,
} from "./profile.ts";
export { parseGpuRequests, parseGpuText } from "./gpu.ts";
export type { GpuMap, GpuNames, GpuRequests } from "./gpu.ts";
export { parseJobFile } from "./job-file.ts";
export type { JobFileInput, JobLayer } from "./job-file.ts";
export type { JobEnvironment } from "./job-environment.ts";
export { jobDefaults } from "./job-spec.ts";
export { listSecrets, splitSecrets } from "./job-secrets.ts";
export { secretReferenceSchema } from "./secret-schema.ts";
export {
  durationSchema,
  hourlyPriceSchema,
  moneySchema,
  readTextWith,
  sizeRangeSchema,
} from "./unit-schema.ts";
export { createRedactor } from "./redact.ts";
export type { Redactor, RedactorStream } from "./redact.ts";
export { createTerminalFilter } from "./terminal.ts";
export type { TerminalFilter } from "./terminal.ts";
export { createConfigLayer, parseConfigFile } from "./config-file.ts";
export type { ConfigFileInput, ConfigLayer, ConfigValuesInput } from "./config-file.ts";
export { configDefaults, mergeConfig } from "./config-merge.ts";
export type { MergedConfig } from "./config-merge.ts";
export type { TrustConcern } from "./config-secrets.ts";
export { parsePlatformSettings } from "./platform-settings.ts";
export { configJsonSchema, jobJsonSchema } from "./json-schema.ts";
