import { describeLive } from "@gpujob/adapter-kit/conformance";
import autodl from "../src/index.ts";

describeLive(autodl, {
  config: { token: { env: "AUTODL_TOKEN" } },
  secrets: ["AUTODL_TOKEN"],
  env: process.env,
  cap: "20 CNY",
});
