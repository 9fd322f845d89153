import { hourlyPriceSchema, secretReferenceSchema } from "@gpujob/spec";
import { z } from "zod";
import { elasticRegions, proRegions } from "./places.ts";

/** The entry of an AutoDL platform under `platforms` in the configuration. */
export const configSchema = z
  .strictObject({
    /** Developer token from the console's settings page. */
    token: secretReferenceSchema,
    /** Whose machines: AutoDL's, GPUhub's (abroad, in USD) or those of a private cluster. */
    site: z.enum(["autodl", "gpuhub", "private"]).default("autodl"),
    /** `pro`: Container Instance Pro. `elastic`: Elastic Deployment, for enterprise accounts. */
    product: z.enum(["pro", "elastic"]).exactOptional(),
    /** Instead of the site's own address. */
    endpoint: z.url().exactOptional(),
    /** Region codes; left out: wherever the scheduler of the platform finds a card. */
    regions: z.array(z.string().min(1)).min(1).exactOptional(),
    /** Image for jobs that name none: an alias such as `pytorch-2.0`, or an image id. */
    image: z.string().min(1).default("pytorch-2.0"),
    /** Price of one card per hour, by the platform's name of the card: instead of the bundled sheet. */
    prices: z.record(z.string(), hourlyPriceSchema("Of one card, per hour.")).default({}),
    /** Member discount on list prices, such as 0.95. */
    discount: z.number().gt(0).max(1).exactOptional(),
    /** Lets jobs reach GitHub and Hugging Face through the platform's proxy; slows down everything else. */
    networkAcceleration: z.boolean().default(false),
    /** Work folder on the machine. @default on the data disk, or on the system disk when that was made larger */
    root: z.string().startsWith("/").exactOptional(),
  })
  .superRefine(({ site, product, regions = [] }, issues) => {
    if (site !== "autodl" && product === "pro") {
      const message = `${site} has no Container Instance Pro by API: leave \`product\` out.`;
      issues.addIssue({ code: "custom", path: ["product"], message });
    }
    if (site === "autodl") checkRegions(regions, product ?? "pro", issues);
    else if (regions.length === 0) {
      const message = `${site} needs its region names, such as ${site === "gpuhub" ? "Singapore-A" : "those of the cluster"}.`;
      issues.addIssue({ code: "custom", path: ["regions"], message });
    }
  });

export type AutodlConfig = z.infer<typeof configSchema>;

/** Where a platform's calls go, in which currency it counts, and which product is rented. */
export interface Site {
  readonly endpoint: string;
  readonly currency: "CNY" | "USD";
  readonly product: "pro" | "elastic";
  /** Platform part of its price sheets. */
  readonly sheets: "autodl-pro" | "autodl" | "gpuhub";
  readonly country?: string;
}

// https://www.autodl.com/docs/esd_api_doc and https://docs.gpuhub.com (2026-09)
const endpoints = {
  autodl: "https://api.autodl.com",
  gpuhub: "https://api.gpuhub.com",
  private: "https://private.autodl.com",
} as const;

export function siteOf(config: AutodlConfig): Site {
  const isAbroad = config.site === "gpuhub";
  const product = config.product ?? (config.site === "autodl" ? "pro" : "elastic");
  return {
    endpoint: config.endpoint ?? endpoints[config.site],
    currency: isAbroad ? "USD" : "CNY",
    product,
    sheets: isAbroad ? "gpuhub" : product === "pro" ? "autodl-pro" : "autodl",
    ...(isAbroad ? {} : { country: "cn" }),
  };
}

/** An unknown region answers `Success` with nothing in it, so a slip would look like a platform without cards. */
function checkRegions(
  regions: readonly string[],
  product: "pro" | "elastic",
  issues: z.RefinementCtx,
): void {
  const known = product === "pro" ? proRegions : elasticRegions;
  for (const region of regions) {
    if (known.includes(region)) continue;
    const message = `AutoDL has no region ${region} for \`product: ${product}\`; it has ${known.join(", ")}.`;
    issues.addIssue({ code: "custom", path: ["regions"], message });
  }
}
