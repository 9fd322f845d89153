import { classifyBy } from "@gpujob/adapter-kit";
import type { AdapterContext, Platform } from "@gpujob/spec";
import { createAutodlClient, readBalance } from "./api.ts";
import type { AutodlConfig } from "./config.ts";
import { siteOf } from "./config.ts";
import { createElasticProduct } from "./elastic.ts";
import { autodlErrors } from "./errors.ts";
import { createProProduct } from "./pro.ts";

export function createAutodlPlatform(config: AutodlConfig, context: AdapterContext): Platform {
  const site = siteOf(config);
  const parts = { client: createAutodlClient(config, site, context), config, site, context };
  const product = site.product === "pro" ? createProProduct(parts) : createElasticProduct(parts);
  return {
    ...product,
    classify: classifyBy(autodlErrors),
    getBalance: (wait) => readBalance(parts, wait),
  };
}
