import { describeLive } from "@gpujob/adapter-kit/conformance";
import aws from "../src/index.ts";

const config = {
  accessKeyId: { env: "AWS_ACCESS_KEY_ID" },
  secretAccessKey: { env: "AWS_SECRET_ACCESS_KEY" },
};
const secrets = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
describeLive(aws, { config, secrets, env: process.env, cap: "3 USD" });
