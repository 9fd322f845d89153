import { describeLive } from "@gpujob/adapter-kit/conformance";
import aliyun from "../src/index.ts";

const config = {
  accessKeyId: { env: "ALIBABA_CLOUD_ACCESS_KEY_ID" },
  accessKeySecret: { env: "ALIBABA_CLOUD_ACCESS_KEY_SECRET" },
};
const secrets = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];
describeLive(aliyun, { config, secrets, env: process.env, cap: "20 CNY" });
