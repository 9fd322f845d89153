import { describeLive } from "@gpujob/adapter-kit/conformance";
import compshare from "../src/index.ts";

describeLive(compshare, {
  config: {
    publicKey: { env: "COMPSHARE_PUBLIC_KEY" },
    privateKey: { env: "COMPSHARE_PRIVATE_KEY" },
  },
  secrets: ["COMPSHARE_PUBLIC_KEY", "COMPSHARE_PRIVATE_KEY"],
  env: process.env,
  cap: "20 CNY",
});
