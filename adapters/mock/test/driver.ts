/**
 * A driver as a process of its own, for tests that kill it or run several at once.
 * Arguments: state folder, configuration and requests as JSON. Prints one line of JSON per request.
 */
import { createRealClock } from "@gpujob/adapter-kit/testing";
import type { LeaseRequest } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import mockAdapter from "../src/index.ts";

const [folder = "", config = "{}", requests = "[]"] = process.argv.slice(2);
const platform = mockAdapter.create(mockAdapter.configSchema.parse(JSON.parse(config)), {
  platform: "cheap",
  stateFolder: folder,
  currency: "CNY",
  clock: createRealClock(),
  newId: () => Math.random().toString(36).slice(2, 14).padEnd(12, "0"),
  log: () => {},
  fetch: globalThis.fetch,
  connect: () => Promise.reject(new Error("No SSH here.")),
  resolveSecret: () => Promise.reject(new Error("No secrets here.")),
});
const signal = AbortSignal.timeout(60_000);
const written: readonly LeaseRequest[] = JSON.parse(requests);
for (const request of written) {
  const answer = await platform.createLease(request, { signal }).catch(toFailure);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
