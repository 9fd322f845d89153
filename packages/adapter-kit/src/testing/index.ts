export { createFakePlatform, createTestRequest } from "./fake-platform.ts";
export type { FakeCall, FakePlatform, FakePlatformOptions } from "./fake-platform.ts";
export type { CallFault, FakeFault, FaultTarget, LeaseFault } from "./fake-faults.ts";
export type { FakeBill } from "./fake-machine.ts";
export { createTestOffer } from "./fake-offer.ts";
export { createTestClock } from "./test-clock.ts";
export type { TestClock } from "./test-clock.ts";
export { createRealClock } from "./real-clock.ts";
export { localChannel } from "./local-channel.ts";
export type { LocalChannelOptions } from "./local-channel.ts";
export { makeFaultySteps } from "./faulty-steps.ts";
export type { FaultySteps, StepFault } from "./faulty-steps.ts";
export { createMemoryChannel } from "./memory-channel.ts";
export type { MemoryChannel, MemoryProcess } from "./memory-channel.ts";
export { parseErrorFixtures } from "./error-fixtures.ts";
export type { ErrorFixture } from "./error-fixtures.ts";
export { errorTableProblems } from "./error-table-problems.ts";
export { startTestServer } from "./test-server.ts";
export type { TestAnswer, TestRequest, TestServer, TestServerOptions } from "./test-server.ts";
export { createTestContext } from "./test-context.ts";
export type { TestContextOptions } from "./test-context.ts";
export { createCloudMarket } from "./clouds/cloud-market.ts";
export type {
  CloudMachine,
  CloudMarket,
  CloudMarketOptions,
  CloudOrder,
  CloudRefusal,
  CloudState,
  CloudStock,
  EndCause,
  RealMachine,
} from "./clouds/cloud-market.ts";
export type { CloudBill, MeterRule } from "./clouds/cloud-meter.ts";
export {
  canonicalRequest,
  hmacChain,
  isSameSignature,
  rfc3986,
  sha256,
} from "./clouds/signature.ts";
export { createCloudDesk } from "./clouds/cloud-desk.ts";
export type { CloudDesk } from "./clouds/cloud-desk.ts";
export { startMetadataServer } from "./clouds/metadata-server.ts";
export type { MetadataServer } from "./clouds/metadata-server.ts";
