export { capabilityDefaults, optionalMethods } from "./capabilities.ts";
export { defineAdapter } from "./define-adapter.ts";
export type { AdapterDefinitionInput, CapabilitiesInput } from "./define-adapter.ts";
export {
  fromOwnershipTags,
  isSameMember,
  looksLikeOurs,
  ownershipTagNames,
  packOwnership,
  toOwnershipTags,
  unpackOwnership,
} from "./ownership.ts";
export type { OwnershipMarks } from "./ownership.ts";
export { isListedName, isNamedFor, ownerOfName } from "./named-machines.ts";
export { passwordAccess, sshCommandSchema, toMachineLease } from "./machine-lease.ts";
export type { MachineFacts } from "./machine-lease.ts";
export { omitUndefined } from "./omit-undefined.ts";
export { readPages } from "./read-pages.ts";
export type { PagedList } from "./read-pages.ts";
export { findLeasedMachine, machineError, runScript, scriptRefusal } from "./scripted-machine.ts";
export type { MachineScript } from "./scripted-machine.ts";
export { refuse, requireOneNode } from "./refusal.ts";
export type { Refusal } from "./refusal.ts";
export { abortedError, isAborted, throwIfAborted } from "./abort.ts";
export type { Place } from "./abort.ts";
export { createOnce, isRefusal, outcomeUnknown } from "./create-once.ts";
export type { CreateOnceOptions } from "./create-once.ts";
export { classifyBy, errorRows, matchError } from "./error-table.ts";
export type { ErrorFacts, ErrorRow, ErrorTable } from "./error-table.ts";
export { createSdkCalls } from "./sdk-calls.ts";
export type { SdkCall, SdkCalls, SdkCallsOptions } from "./sdk-calls.ts";
export { findOrMake } from "./find-or-make.ts";
export type { FindOrMakeOptions } from "./find-or-make.ts";
export { createMetadataNotices } from "./metadata-notices.ts";
export type { MetadataNotices, MetadataService } from "./metadata-notices.ts";
export { createHttpClient } from "./http/http-client.ts";
export type { Credentials, HttpClient, HttpClientOptions } from "./http/http-client.ts";
export type { HttpAnswer } from "./http/answer-error.ts";
export type { HttpRequest, OutgoingRequest, Parameters, RequestBody } from "./http/request.ts";
export { createRedactor } from "./http/redact.ts";
export type { Redactor } from "./http/redact.ts";
export { createProxyFetch } from "./http/proxy-fetch.ts";
export type { ProxyEnvironment } from "./http/proxy-fetch.ts";
export { runWithDeadline } from "./deadline.ts";
export type { Deadline } from "./deadline.ts";
export { listEach } from "./list-each.ts";
export type { ListEachOptions } from "./list-each.ts";
export { decoratePlatform } from "./platform-decorator.ts";
export type { AroundCall, PlatformOperation } from "./platform-decorator.ts";
export { withDeadline } from "./with-deadline.ts";
export type { WithDeadlineOptions } from "./with-deadline.ts";
export { withRetry } from "./with-retry.ts";
export type { WithRetryOptions } from "./with-retry.ts";
