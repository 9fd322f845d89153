import {
  createFakePlatform,
  createTestClock,
  createTestOffer,
  createTestRequest,
} from "@gpujob/adapter-kit/testing";
import { IncompleteListError } from "@gpujob/spec";
import { openStore } from "@gpujob/store";
import { it } from "vitest";
import { audit } from "./audit.ts";
import type { ConfiguredPlatform } from "./platforms.ts";

const wait = { signal: new AbortController().signal };
const timeouts = { bootMs: 1, offersMs: 1, releaseMs: 1, unreachableMs: 1 };

it("shows the machines that could be asked beside the one that could not", async ({ expect }) => {
  const clock = createTestClock();
  const offer = createTestOffer({ offerId: "a" });
  const fake = createFakePlatform({ name: "lab", clock, offers: [offer] });
  const lease = await fake.platform.createLease(createTestRequest(offer, clock.now()), wait);
  const target: ConfiguredPlatform = {
    name: "lab",
    capabilities: fake.capabilities,
    definition: fake.definition,
    config: { name: "lab", adapter: "fake", settings: {}, timeouts: {}, origin: "" },
    timeouts,
    platform: {
      ...fake.platform,
      listLeases: async (filter, options) => {
        const listed = await fake.platform.listLeases(filter, options);
        const details = { platform: "lab", listed };
        throw new IncompleteListError("unreachable", "lab: 1 of 2 cannot be asked (b).", details);
      },
    },
  };
  const store = await openStore({ path: ":memory:", clock, newId: () => "s" });
  const sweep = { store, platforms: [target], installation: "testinst", clock, owner: "me" };
  const report = await audit(sweep, { fix: false }, wait);
  expect(report.missing).toMatchObject([
    { platform: "lab", reason: expect.stringContaining("1 of 2 cannot be asked (b)") },
  ]);
  expect(report.unknown).toMatchObject([{ leaseId: lease.leaseId }]);
  await store.close();
});
