import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import mockAdapter, { interruptMachine, readCalls, readMeter } from "../src/index.ts";
import { openServedMarket, openTestMarket, plainOffer } from "./market-fixture.ts";
import type { TestMarket } from "./market-fixture.ts";
import type { ConformanceSetup } from "@gpujob/adapter-kit/conformance";

const offers = [
  plainOffer({ stock: 4 }),
  plainOffer({ type: "b", price: "1 USD/h", market: "spot", region: "us-1" }),
  plainOffer({ type: "gone", stock: 0 }),
  { type: "plain", price: "0.2 CNY/h", cpu: 8, memory: "16GB", maxNodes: 1 },
];

function setUp(market: TestMarket): ConformanceSetup {
  return {
    platform: market.platform,
    config: market.config,
    soldOutOfferId: "gone",
    maxLeases: 3,
    chooseOffer: (all) => all.find(({ offerId }) => offerId === "a"),
    failNext: (on, kind) => market.addFault({ on, do: "error", kind }),
    loseNextCreateReply: () => market.addFault({ on: "create", do: "lose-reply" }),
    hangNext: (on) => market.addFault({ on, do: "delay", by: "1h" }),
    ignoreNextRelease: () => market.addFault({ on: "release", do: "ignore" }),
    repriceNextCreate: (factor) => market.addFault({ on: "create", do: "reprice", factor }),
    damageNextTags: () => market.addFault({ on: "create", do: "lose-tag" }),
    interrupt: (leaseId) => void interruptMachine(market.folder, leaseId, { noticeMs: 60_000 }),
    readBilling: () =>
      readMeter(market.folder).machines.flatMap(({ leaseId, endedAt }) =>
        endedAt === null ? [leaseId] : [],
      ),
    close: () => market.close(),
  };
}

describeAdapter(mockAdapter, {
  title: "mock with real processes",
  timeoutMs: 30_000,
  setup: async () => setUp(await openTestMarket({ offers })),
});

describeAdapter(mockAdapter, {
  title: "mock over HTTP",
  timeoutMs: 30_000,
  async setup() {
    const market = await openServedMarket({ offers });
    return {
      ...setUp(market),
      // A call has arrived once the market has counted it and the fault that was waiting for it.
      hasHung: () => readCalls(market.folder).at(-1)?.fault === "delay",
      secrets: [market.token],
    };
  },
});
