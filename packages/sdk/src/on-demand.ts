/**
 * What is large, in one place: schemas, the engine and SSH, loaded by the first call that needs any of it; planning has
 * a place of its own.
 * One import of many is faster than many: a bundle has a file less for each.
 */
export { driveRun } from "@gpujob/engine";
export { configJsonSchema, jobJsonSchema } from "@gpujob/spec";
export { execOnRun, findMachine, pullFromRun, pushToRun } from "./access.ts";
export { audit } from "./audit.ts";
export { runDoctor } from "./doctor.ts";
export { drillRun } from "./drill.ts";
export { addPlatform, removePlatform } from "./edit-platforms.ts";
export { learntOf, readExperiences } from "./experiences.ts";
export { createEnginePorts } from "./engine-ports.ts";
export { changeFaults, meterOf, resetMarkets, serveMockMarket } from "./mock-markets.ts";
export { findDifferences, readBillsBeside, readPlatformBills } from "./platform-bills.ts";
export { readBills } from "./own-bills.ts";
export { adviseOnTerms, payBills } from "./own-history.ts";
export { retryRun } from "./retry.ts";
export { describeReference, findReferences, resolveSecret } from "./secrets.ts";
export { createStockWatch } from "./stock-watch.ts";
export { submit } from "./submit.ts";
export { forwardPorts, openTerminal } from "./shell.ts";
export { knownSecrets, redactLogs } from "./redact-logs.ts";
export { vouch } from "./vouch.ts";
export { toSshCommand } from "@gpujob/ssh";
