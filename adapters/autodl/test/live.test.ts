import { describeLive } from "@gpujob/adapter-kit/conformance";
import autodl from "../src/index.ts";

const { AUTODL_SITE: site, AUTODL_PRODUCT: product, AUTODL_REGIONS: regions } = process.env;

describeLive(autodl, {
  config: {
    token: { env: "AUTODL_TOKEN" },
    ...(site === undefined ? {} : { site }),
    ...(product === undefined ? {} : { product }),
    ...(regions === undefined ? {} : { regions: regions.split(",") }),
  },
  secrets: ["AUTODL_TOKEN"],
  env: process.env,
  cap: site === "gpuhub" ? "3 USD" : "20 CNY",
});
