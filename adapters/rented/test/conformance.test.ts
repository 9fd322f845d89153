import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import { createTestRequest } from "@gpujob/adapter-kit/testing";
import rentedAdapter from "../src/index.ts";
import { startLocalMachines } from "./local-machines.ts";

const password = { env: "RENTED_PASSWORD" };
const hosts = [
  { ssh: "ssh -p 34222 root@i-1.example", password, sheet: "gpushare/rtx4090" },
  { ssh: "ssh -p 34222 root@i-2.example", password, sheet: "gpushare/rtx4090", count: 2 },
  { ssh: "linux@i-3.example", password, sheet: "mornai/rtx4090", price: "2 CNY/h" },
  { ssh: "root@i-4.example", platform: "gpugeek", gpu: "RTX 3090 24GB", price: "1.8 CNY/h" },
  { ssh: "root@taken.example", password, sheet: "gpushare/rtx4090" },
];

describeAdapter(rentedAdapter, {
  title: "rented on this machine",
  setup: async () => {
    const { platform, config, close, next, hasHung } = await startLocalMachines(hosts);
    const wait = { signal: AbortSignal.timeout(20_000) };
    const soldOutOfferId = "root-taken.example";
    const taken = (await platform.listOffers({}, wait)).find(
      ({ offerId }) => offerId === soldOutOfferId,
    );
    if (taken !== undefined)
      await platform.createLease(
        { ...createTestRequest(taken, Date.now()), leaseKey: "t".repeat(32) },
        wait,
      );
    return {
      platform,
      config,
      close,
      soldOutOfferId,
      unknownLeaseId: `root-i-1.example-34222-${"u".repeat(32)}`,
      secrets: ["correct-horse"],
      failNext: (on, kind) => next(on, { do: "fail", kind }),
      loseNextCreateReply: () => next("create", { do: "lose-reply" }),
      hangNext: (on) => next(on, { do: "hang" }),
      hasHung,
      damageNextTags: () => next("create", { do: "damage-tags" }),
    };
  },
});
