import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import compshare from "../src/index.ts";
import { privateKey, startFakeCompshare } from "./fake-compshare.ts";
import { openCompshare } from "./open-compshare.ts";

for (const market of ["on-demand", "spot"] as const) {
  describeAdapter(compshare, {
    title: `compshare, ${market}, on its fake server`,
    async setup() {
      const fake = await startFakeCompshare();
      return {
        ...openCompshare(fake),
        chooseOffer: (offers) =>
          offers.find(({ gpu, ...offer }) => gpu?.model === "RTX4090" && offer.market === market),
        soldOutOfferId: `cn-wlcb-01/A100/1-16-64/${market}`,
        secrets: [privateKey],
        ...fake.helpers,
        ignoreNextRelease: fake.ignoreNextRelease,
        repriceNextCreate: fake.reprice,
        damageNextTags: fake.damage,
        advance: fake.advance,
        readBilling: fake.billing,
        close: () => fake.close(),
      };
    },
  });
}
