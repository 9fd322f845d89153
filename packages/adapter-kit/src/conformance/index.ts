export { describeAdapter } from "./describe-adapter.ts";
export type { DescribeAdapterOptions } from "./describe-adapter.ts";
export { conformanceChecks, runConformance } from "./run-conformance.ts";
export type { ConformanceResult } from "./run-conformance.ts";
export type { ConformanceCheck, ConformanceGroup, Need } from "./check.ts";
export type { ConformanceContext } from "./context.ts";
export type { ConformanceHelpers, ConformanceSetup } from "./setup.ts";
export { describeLive } from "./describe-live.ts";
export type { DescribeLiveOptions } from "./describe-live.ts";
