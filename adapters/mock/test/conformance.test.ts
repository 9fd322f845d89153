import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import mockAdapter, { interruptMachine, readMeter } from "../src/index.ts";
import { openTestMarket, plainOffer } from "./market-fixture.ts";

describeAdapter(mockAdapter, {
  title: "mock with real processes",
  timeoutMs: 30_000,
  async setup() {
    const market = await openTestMarket({
      offers: [
        plainOffer({ stock: 4 }),
        plainOffer({ type: "b", price: "1 USD/h", market: "spot", region: "us-1" }),
        plainOffer({ type: "gone", stock: 0 }),
        { type: "plain", price: "0.2 CNY/h", cpu: 8, memory: "16GB", maxNodes: 1 },
      ],
    });
    return {
      platform: market.platform,
      config: market.config,
      soldOutOfferId: "gone",
      maxLeases: 3,
      chooseOffer: (offers) => offers.find(({ offerId }) => offerId === "a"),
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
  },
});
