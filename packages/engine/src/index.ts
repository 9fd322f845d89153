export { decide, initialSnapshot, snapshotVersion } from "./core/decide.ts";
export type { Decision, Snapshot } from "./core/decide.ts";
export type {
  Attempt,
  Candidate,
  CheckpointRecord,
  Member,
  RunContext,
  Submission,
} from "./core/context.ts";
export type { RunEvent, RunEventType } from "./core/events.ts";
export { runMachine } from "./core/machine.ts";
export { driveRun, lockTtlMs } from "./driver/drive-run.ts";
export type { DriveEnd, WishPayload } from "./driver/drive-run.ts";
export { defaultTempo } from "./driver/ports.ts";
export type { DriverEvent, EnginePlatform, EnginePorts, RunFiles, Tempo } from "./driver/ports.ts";
export { amendRun } from "./driver/amend-run.ts";
export { submitRun } from "./driver/submit-run.ts";
export { ledgerOf } from "./driver/facts.ts";
export { stateOf, viewRun } from "./driver/view.ts";
export { chooseHedge } from "./core/extra-cost.ts";
export { placeEnvironment } from "./core/place-environment.ts";
export { readStored } from "./core/stored-json.ts";
export { deadline } from "./effects/work.ts";
