// @boundaries-ignore a platform's emulator stands with the tests of its adapter, and is no part of any package
import { errorFixtures } from "../../adapters/aws-ec2/test/error-fixtures.ts";
// @boundaries-ignore as above
import { startCloud } from "../../adapters/aws-ec2/test/setup.ts";
import type { Decision } from "./support/refused-launches.ts";
import { describeRefusedLaunches } from "./support/refused-launches.ts";

const minute = 60_000;

/** What a refused launch leads to, by the group of its code: what is done, and what is avoided for how long. */
const decisions: Readonly<Record<string, Decision>> = {
  "no capacity": ["next-offer", "offer", 10 * minute],
  "subnet full": ["next-offer", "zone", 10 * minute],
  quota: ["next-offer", "region", 60 * minute],
  "spot price": ["next-offer", "offer", 10 * minute],
  "not offered": ["next-offer", "offer", 24 * 60 * minute],
  "region not usable": ["next-offer", "region", 60 * minute],
  account: ["next-offer", "account", 24 * 60 * minute],
  credentials: ["next-offer", "account", 60 * minute],
  permissions: ["next-offer", "account", 60 * minute],
  "first spot use": ["next-offer", "offer", 60 * minute],
  image: ["next-offer", "region", 24 * 60 * minute],
  "our request": ["next-offer", "offer", 24 * 60 * minute],
  // Found or made once more; this is what follows when that does not help either.
  vanished: ["next-offer", "offer", 24 * 60 * minute],
  throttling: ["retry-call"],
  server: ["block-until-known"],
  "token, other words": ["block-until-known"],
  "token, ended": ["next-offer", "offer", 30 * minute],
};

/** Said of other calls than the launch, and taken for success there: the adapter's own tests show it. */
const elsewhere = new Set(["already there", "already gone"]);

describeRefusedLaunches({
  title: "EC2 refuses",
  fixtures: await errorFixtures(),
  decisions,
  elsewhere,
  offerId: "us-east-1a/g6e.xlarge/on-demand",
  start: startCloud,
  refuseNext: ({ emulator }, { code, status, message }) =>
    emulator.refuseNext("RunInstances", code, status, message),
});
