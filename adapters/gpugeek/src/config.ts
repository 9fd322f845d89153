import { hourlyPriceSchema, secretReferenceSchema } from "@gpujob/spec";
import { z } from "zod";

/** The entry of a GpuGeek platform under `platforms` in the configuration. */
export const configSchema = z.strictObject({
  /** API key of an enterprise account: Account Center, OpenAPI Key. */
  key: secretReferenceSchema,
  endpoint: z.url().default("https://api-cloud.gpugeek.com"),
  /** Prices by the platform's name of the card, as the console shows them: no call tells them. */
  prices: z.record(z.string().min(1), hourlyPriceSchema("Of one card, per hour.")).default({}),
});

export type GpugeekConfig = z.output<typeof configSchema>;
