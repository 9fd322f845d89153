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
