import type { Platform } from "@gpujob/spec";
import type { FakePlatform, FakePlatformOptions } from "../testing/fake-platform.ts";
import { createFakePlatform } from "../testing/fake-platform.ts";
import { createTestOffer } from "../testing/fake-offer.ts";
import { localChannel } from "../testing/local-channel.ts";
import { createTestClock } from "../testing/test-clock.ts";
import type { ConformanceSetup } from "./setup.ts";

/** A fake platform with every helper the suite knows, for testing the suite and the fake against each other. */
export function setUpFake(
  options: Partial<FakePlatformOptions> = {},
  break_: (platform: Platform, fake: FakePlatform) => Platform = (platform) => platform,
): { readonly fake: FakePlatform; readonly setup: ConformanceSetup } {
  const clock = createTestClock({ auto: true });
  const fake = createFakePlatform({
    clock,
    offers: [
      createTestOffer({ offerId: "a" }),
      createTestOffer({ offerId: "b", market: "spot" }),
      createTestOffer({ offerId: "gone", availability: "none" }),
    ],
    bootMs: 5000,
    releaseMs: 2000,
    openChannel: async () => localChannel(),
    ...options,
  });
  const nextLease = () => fake.machines().length + 1;
  const setup: ConformanceSetup = {
    platform: break_(fake.platform, fake),
    config: {},
    clock,
    pollMs: 500,
    soldOutOfferId: "gone",
    failNext: (on, kind) => fake.failNext(on, kind),
    loseNextCreateReply: () => fake.faultNext({ on: "create", do: "lose-reply" }),
    hangNext: (on) => fake.faultNext({ on, do: "hang" }),
    ignoreNextRelease: () => fake.faultNext({ on: "release", do: "ignore" }),
    repriceNextCreate: (factor) => fake.faultNext({ on: "create", do: "reprice", factor }),
    damageNextTags: () => fake.addFault({ on: "lease", nth: nextLease(), do: "damage-tags" }),
    interrupt: (leaseId) => fake.interrupt(leaseId, { noticeMs: 120_000 }),
    advance: (ms) => clock.advance(ms),
    readBilling: () =>
      fake.bills().flatMap((bill) => (bill.endedAt === undefined ? [bill.leaseId] : [])),
  };
  return { fake, setup };
}
