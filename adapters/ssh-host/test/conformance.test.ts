import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import sshHostAdapter from "../src/index.ts";
import { startLocalHosts } from "./local-hosts.ts";

describeAdapter(sshHostAdapter, {
  title: "ssh-host on this machine",
  setup: async () => {
    const hosts = [
      { ssh: "root@10.0.0.5:22", gpu: "RTX4090:24GB:4", price: "0.8 CNY/h" },
      { ssh: "root@10.0.0.6", gpu: "none" },
    ];
    const { platform, config, close } = await startLocalHosts(hosts);
    return {
      platform,
      config,
      close,
      chooseOffer: (offers) => offers.find(({ offerId }) => offerId === "root-10.0.0.5-x1"),
    };
  },
});
