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
export { abortedError, isAborted, throwIfAborted } from "./abort.ts";
export type { Place } from "./abort.ts";
export { createOnce, isRefusal, outcomeUnknown } from "./create-once.ts";
export type { CreateOnceOptions } from "./create-once.ts";
