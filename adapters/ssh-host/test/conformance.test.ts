import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import sshHostAdapter from "../src/index.ts";
import { makeFaultyHosts, requestFor, startLocalHosts } from "./local-hosts.ts";

describeAdapter(sshHostAdapter, {
  title: "ssh-host on this machine",
  setup: async () => {
    const { connect, next } = makeFaultyHosts();
    const hosts = [
      {
        ssh: "root@10.0.0.5:22",
        gpu: "RTX4090:24GB:4",
        price: "0.8 CNY/h",
        password: { env: "LAB_PASSWORD" },
      },
      { ssh: "root@10.0.0.6", gpu: "none" },
    ];
    const lab = await startLocalHosts(hosts, { context: { connect } });
    const soldOutOfferId = "root-10.0.0.6-x1";
    const wait = { signal: AbortSignal.timeout(20_000) };
    const taken = (await lab.platform.listOffers({}, wait)).find(
      ({ offerId }) => offerId === soldOutOfferId,
    );
    if (taken === undefined) throw new Error("The host without cards has no offer.");
    await lab.platform.createLease(requestFor(taken), wait);
    return {
      platform: lab.platform,
      config: lab.config,
      close: lab.close,
      soldOutOfferId,
      secrets: ["hunter2"],
      chooseOffer: (offers) => offers.find(({ offerId }) => offerId === "root-10.0.0.5-x1"),
      loseNextCreateReply: () => next("create", { do: "lose-reply" }),
      damageNextTags: () => next("create", { do: "damage-tags" }),
    };
  },
});
