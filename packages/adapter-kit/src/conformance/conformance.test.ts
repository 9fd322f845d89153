import { createTestOffer } from "../testing/index.ts";
import { describeAdapter } from "./index.ts";
import { setUpFake } from "./fake-setup.ts";

const boot = setUpFake();
describeAdapter(boot.fake.definition, {
  title: "fake: token, tags, by channel",
  setup: () => boot.setup,
});

const named = setUpFake({ capabilities: { idempotency: "name", tagging: "name" } });
describeAdapter(named.fake.definition, {
  title: "fake: found by name",
  setup: () => named.setup,
});

const lagging = setUpFake({
  lagMs: 30_000,
  capabilities: { autoRelease: true, visibilityWindowMs: 60_000, multiNode: "gang" },
});
describeAdapter(lagging.fake.definition, {
  title: "fake: lists lag behind, and machines end by themselves",
  setup: () => lagging.setup,
});

const cluster = setUpFake({
  offers: [
    createTestOffer({ maxNodes: 4 }),
    createTestOffer({ offerId: "gone", availability: "none" }),
  ],
  capabilities: { multiNode: "native", autoRelease: true, powerOff: "ends" },
});
describeAdapter(cluster.fake.definition, {
  title: "fake: several nodes in one lease",
  setup: () => cluster.setup,
});

const owned = setUpFake({ capabilities: { release: "owned", multiNode: "gang" } });
describeAdapter(owned.fake.definition, {
  title: "fake: machines of the user's own",
  setup: () => owned.setup,
});
