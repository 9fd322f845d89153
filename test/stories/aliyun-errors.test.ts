// @boundaries-ignore a platform's emulator stands with the tests of its adapter, and is no part of any package
import { errorFixtures } from "../../adapters/aliyun/test/error-fixtures.ts";
// @boundaries-ignore as above
import { startCloud } from "../../adapters/aliyun/test/setup.ts";
import type { Decision } from "./support/refused-launches.ts";
import { describeRefusedLaunches } from "./support/refused-launches.ts";

const minute = 60_000;

/** What a refused launch leads to, by the group of its code: what is done, and what is avoided for how long. */
const decisions: Readonly<Record<string, Decision>> = {
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

describeRefusedLaunches({
  title: "Alibaba Cloud refuses",
  fixtures: await errorFixtures(),
  decisions,
  elsewhere,
  offerId: "cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/on-demand",
  start: () => startCloud({ hasQuickNetworks: true }),
  refuseNext: ({ emulator }, error) => emulator.refuseNext("RunInstances", error),
});
