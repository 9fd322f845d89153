import { PlatformError } from "@gpujob/spec";
import type { Failure } from "@gpujob/spec";
import { decideAfterFailure } from "@gpujob/scheduler";
import type { FailoverDecision } from "@gpujob/scheduler";
import { describe, it } from "vitest";
// @boundaries-ignore a platform's emulator stands with the tests of its adapter, and is no part of any package
import { errorFixtures } from "../../adapters/aliyun/test/error-fixtures.ts";
// @boundaries-ignore as above
import { startCloud, wait } from "../../adapters/aliyun/test/setup.ts";

const minute = 60_000;

/** What a refused launch leads to, by the group of its code: what is done, and what is avoided for how long. */
const decisions: Readonly<
  Record<string, readonly [action: string, avoids?: string, forMs?: number]>
> = {
  "no stock": ["next-offer", "offer", 10 * minute],
  "type withdrawn": ["next-offer", "offer", 24 * 60 * minute],
  "zone refuses type": ["next-offer", "offer", 24 * 60 * minute],
  "zone refuses": ["next-offer", "zone", 24 * 60 * minute],
  "region not usable": ["next-offer", "region", 60 * minute],
  "region unknown": ["next-offer", "region", 24 * 60 * minute],
  "region under maintenance": ["next-offer", "region", 10 * minute],
  "disk kind": ["next-offer", "offer", 24 * 60 * minute],
  quota: ["next-offer", "region", 60 * minute],
  "quota, not listed": ["next-offer", "region", 60 * minute],
  "subnet full": ["next-offer", "zone", 10 * minute],
  "spot price": ["next-offer", "offer", 10 * minute],
  "spot request": ["next-offer", "offer", 24 * 60 * minute],
  image: ["next-offer", "region", 24 * 60 * minute],
  "image and type": ["next-offer", "offer", 24 * 60 * minute],
  "network not ready": ["retry-call"],
  // Found or made once more; this is what follows when that does not help either.
  vanished: ["next-offer", "offer", 24 * 60 * minute],
  money: ["next-offer", "account", 60 * minute],
  verification: ["next-offer", "account", 24 * 60 * minute],
  credentials: ["next-offer", "account", 60 * minute],
  permissions: ["next-offer", "account", 60 * minute],
  "permissions, not listed": ["next-offer", "account", 60 * minute],
  throttling: ["retry-call"],
  nonce: ["retry-call"],
  server: ["block-until-known"],
  "token, other words": ["block-until-known"],
  "token in work": ["retry-call"],
  "our request": ["next-offer", "offer", 24 * 60 * minute],
  "refused, not listed": ["next-offer", "offer", 24 * 60 * minute],
};

/** Said of other calls than the launch: the adapter's own tests show what follows. */
const elsewhere = new Set([
  "already there",
  "already gone",
  "release later",
  "release hindered",
  "no price",
]);

function decide(
  failure: Failure,
  offer: Parameters<typeof decideAfterFailure>[1]["offer"],
): FailoverDecision {
  return decideAfterFailure(failure, {
    job: { retry: { interruptions: 5, failures: 0, rules: [] } },
    nowMs: 0,
    ...(offer === undefined ? {} : { offer }),
    calls: 0,
    interruptions: 0,
    failures: 0,
    isJobStarted: false,
    mayHoldLease: false,
  });
}

describe("a launch that Alibaba Cloud refuses", async () => {
  const fixtures = await errorFixtures();

  it.for(fixtures.filter(({ meaning }) => !elsewhere.has(meaning)))(
    "leads to the decision for $meaning ($code)",
    async ({ code, status, message, meaning }, { expect }) => {
      const cloud = await startCloud({ hasQuickNetworks: true });
      const offer = await cloud.findOffer("cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/on-demand");
      const platform =
        status === null
          ? cloud.another(
              {},
              {
                resolveSecret: () =>
                  Promise.reject(Object.assign(new Error(message), { name: code })),
              },
            )
          : cloud.platform;
      // Twice, because what vanished is looked for once more.
      for (const _ of [1, 2])
        cloud.emulator.refuseNext("RunInstances", { code, status: status ?? 400, message });
      const error: unknown = await platform.createLease(cloud.request(offer), wait).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (!PlatformError.is(error)) throw new Error(`It threw ${String(error)}.`);
      expect(error.failure.platformCode).toBe(code);
      expect(error.message).toContain(message.slice(0, 20));
      const decision = decide(error.failure, offer);
      const [action, avoids, forMs] = decisions[meaning] ?? [];
      expect(decision.action).toBe(action);
      const exclusion = "exclusion" in decision ? decision.exclusion : undefined;
      expect({ scope: exclusion?.scope, untilMs: exclusion?.untilMs }).toEqual({
        scope: avoids,
        untilMs: forMs,
      });
      expect(cloud.emulator.market.bills()).toEqual([]);
    },
  );
});
