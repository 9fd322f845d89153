import { describeAdapter } from "@gpujob/adapter-kit/conformance";
import autodl from "../src/index.ts";
import { autodlToken, startFakeAutodl } from "./fake-autodl.ts";
import { openAutodl } from "./open-autodl.ts";

const products = [
  { product: "pro", soldOutOfferId: "any/h800/1" },
  { product: "elastic", soldOutOfferId: "westDC3/H800/1" },
] as const;

for (const { product, soldOutOfferId } of products) {
  describeAdapter(autodl, {
    title: `autodl, ${product}, on its fake server`,
    async setup() {
      const fake = await startFakeAutodl();
      const { platform, config } = openAutodl(fake, { product });
      return {
        platform,
        config,
        chooseOffer: (offers) => offers.find(({ gpu }) => gpu?.model === "RTX4090D"),
        soldOutOfferId,
        secrets: [autodlToken],
        ...fake.helpers,
        ignoreNextRelease: fake.ignoreNextRelease,
        repriceNextCreate: fake.reprice,
        damageNextTags: fake.damage,
        readBilling: fake.billing,
        close: () => fake.close(),
      };
    },
  });
}
